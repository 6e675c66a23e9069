"""Service discovery, answered from what the features declare. Source: XEP-0030, XEP-0128."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, SERVER, IqPort, IqRequest
from antiphon.services.messaging.subscription import FROM

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
FORMS = "disco form"
"""Table of extended information: FORM_TYPE → handler(port), which returns the form or None."""


def server_info(port: IqPort, request: IqRequest) -> Element:
    _no_node(request)
    info = _info(
        port, Element(INFO, "identity", {"category": "server", "type": "im", "name": port.software.name})
    )
    for feature in port.features:
        for claim in feature.routes:
            if claim.table == FORMS and (form := claim.handler(port)) is not None:
                info.append(form)
    return info


def account_info(port: IqPort, request: IqRequest) -> Element:
    """Of another user only for those who may see the presence (XEP-0030 §8)."""
    _no_node(request)
    account = request.account
    assert account is not None
    by = request.sender.bare
    if by != account.bare and not account.roster.state(str(by)) & FROM:
        raise StanzaError("service-unavailable")
    return _info(port, Element(INFO, "identity", {"category": "account", "type": "registered"}))


def server_items(port: IqPort, request: IqRequest) -> Element:
    _no_node(request)
    return Element(
        ITEMS,
        "query",
        {},
        *[Element(ITEMS, "item", {"jid": domain}) for domain in sorted(port.domains.routes)],
    )


def account_items(port: IqPort, request: IqRequest) -> Element:
    _no_node(request)
    return Element(ITEMS, "query")


def _info(port: IqPort, identity: Element) -> Element:
    names = sorted({name for feature in port.features for name in feature.advertises})
    return Element(INFO, "query", {}, identity, *[Element(INFO, "feature", {"var": name}) for name in names])


def _no_node(request: IqRequest) -> None:
    if request.payload.get("node"):
        raise StanzaError("item-not-found")


feature = Feature(
    "disco",
    "Service discovery",
    ("XEP-0030", "XEP-0128"),
    routes=(
        Claim(SERVER, ("get", INFO, "query"), server_info),
        Claim(ACCOUNT, ("get", INFO, "query"), account_info),
        Claim(CONTACT, ("get", INFO, "query"), account_info),
        Claim(SERVER, ("get", ITEMS, "query"), server_items),
        Claim(ACCOUNT, ("get", ITEMS, "query"), account_items),
        Claim(CONTACT, ("get", ITEMS, "query"), account_items),
    ),
    advertises=(INFO, ITEMS),
)
