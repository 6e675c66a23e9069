"""Whom to write to about this server. Source: XEP-0157."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element
from antiphon.services.messaging.iq import IqPort

FORM_TYPE = "http://jabber.org/network/serverinfo"
_DATA = "jabber:x:data"


def form(port: IqPort) -> Element | None:
    by_kind: dict[str, list[str]] = {}
    for kind, uri in port.software.contacts:
        by_kind.setdefault(f"{kind}-addresses", []).append(uri)
    if not by_kind:
        return None
    fields = [_field("FORM_TYPE", [FORM_TYPE], {"type": "hidden"})]
    fields += [_field(name, uris, {"type": "list-multi"}) for name, uris in by_kind.items()]
    return Element(_DATA, "x", {"type": "result"}, *fields)


def _field(name: str, values: list[str], more: dict[str, str]) -> Element:
    return Element(
        _DATA, "field", {"var": name, **more}, *[Element(_DATA, "value", {}, value) for value in values]
    )


feature = Feature(
    "contact_addresses",
    "Contact addresses of the service",
    ("XEP-0157",),
    routes=(Claim("disco form", FORM_TYPE, form),),
)
