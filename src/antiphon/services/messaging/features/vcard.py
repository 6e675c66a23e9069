"""Business cards, read from the directory. Source: XEP-0054.

The directory is the one place where people are described, so a card is not written here: it follows the directory.
"""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.model.user import User
from antiphon.protocols.xmpp.element import Element
from antiphon.services.messaging.errors import StanzaError
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, IqPort, IqRequest

NAMESPACE = "vcard-temp"


def get(port: IqPort, request: IqRequest) -> Element:
    account = request.account
    assert account is not None
    user = port.users.user(account.userid)
    if user is None:
        raise StanzaError("item-not-found")
    return _card(user, account.key)


def refuse(port: IqPort, request: IqRequest) -> None:
    raise StanzaError("not-allowed", "The card is kept in the directory.")


def _card(user: User, jid: str) -> Element:
    card = _element("vCard")
    full = user.display_name or f"{user.first_name} {user.last_name}".strip() or user.userid
    card.append(_element("FN", full))
    card.append(_element("N", _element("FAMILY", user.last_name), _element("GIVEN", user.first_name)))
    if user.title:
        card.append(_element("TITLE", user.title))
    if user.department:
        card.append(_element("ORG", _element("ORGUNIT", user.department)))
    for kind, number in (("WORK", user.telephone), ("CELL", user.mobile), ("HOME", user.home_phone)):
        if number:
            card.append(_element("TEL", _element(kind), _element("VOICE"), _element("NUMBER", number)))
    if user.mail:
        card.append(_element("EMAIL", _element("WORK"), _element("INTERNET"), _element("USERID", user.mail)))
    return card.append(_element("JABBERID", jid))


def _element(name: str, *children: Element | str) -> Element:
    return Element(NAMESPACE, name, {}, *children)


feature = Feature(
    "vcard",
    "Business cards from the directory",
    ("XEP-0054",),
    routes=(
        Claim(ACCOUNT, ("get", NAMESPACE, "vCard"), get),
        Claim(CONTACT, ("get", NAMESPACE, "vCard"), get),
        Claim(ACCOUNT, ("set", NAMESPACE, "vCard"), refuse),
    ),
    advertises=(NAMESPACE,),
)
