"""What the Contact headers of a REGISTER ask for.

Source: RFC 3261 §10.2, RFC 5626 §4.2, S3-52, S3-58
"""

from __future__ import annotations

from functools import lru_cache

from antiphon.protocols.sip.check import expires
from antiphon.protocols.sip.grammar import Malformed, quote
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.name_addr import NameAddr, parse_name_addrs
from antiphon.services.registrar.binding import Binding, ContactRequest

DEVICE_NAME = "+u.sip!devicename.ccm.cisco.com"
KEEP_ALIVE = "cisco-keep-alive"
MAX_CONTACTS = 16
MAX_CACHED = 1024


class Contacts:
    """The Contact headers of one REGISTER, read once for every text that repeats itself at each refresh."""

    __slots__ = ("device", "echo", "outbound", "probe", "requests", "star")

    def __init__(self, text: str | None) -> None:
        self.star = text == "*"
        found = [] if text is None or self.star else parse_name_addrs(text)
        if len(found) > MAX_CONTACTS:
            raise Malformed("too many contacts")
        self.requests = tuple([_request(contact) for contact in found])
        self.outbound = any(request.instance and request.reg_id for request in self.requests)
        """RFC 5626: the binding is to be kept by instance and flow."""
        self.device = next((name for contact in found if (name := contact.parameter(DEVICE_NAME))), "")
        self.probe = any(KEEP_ALIVE in contact.params for contact in found)
        """A liveness probe to a backup node; it touches no binding."""
        self.echo = ", ".join([_echo(contact) for contact in found]) if self.device else ""
        """The contacts as sent, without their expiry: how the line side of S3 writes its 200."""


_cached = lru_cache(maxsize=8192)(Contacts)


def read(text: str | None) -> Contacts:
    """The Contacts of a REGISTER. Raises `Malformed` for contacts that cannot be bound."""
    return _cached(text) if text is None or len(text) <= MAX_CACHED else Contacts(text)


def device_of(request: Request) -> str:
    """The device that the Contact of any request names; empty when it names none, or cannot be read."""
    text = request.fields.get("Contact")
    if text is None or DEVICE_NAME not in text:
        return ""
    try:
        return read(text).device
    except Malformed:
        return ""


def _request(contact: NameAddr) -> ContactRequest:
    params = contact.params
    wanted = expires(params["expires"], 3600) if "expires" in params else None
    reg_id = params.get("reg-id") or ""
    # The all-zero instance stands for "not a forced registration" and identifies nobody.
    instance = contact.parameter("+sip.instance")
    if instance.strip("<>").removeprefix("urn:uuid:").strip("0-") == "":
        instance = ""
    if contact.uri[:3].lower() != "sip" or contact.sip.headers:
        raise Malformed("contact that cannot be reached")
    return ContactRequest(
        uri=contact.uri,
        instance=instance,
        reg_id=int(reg_id) if reg_id.isascii() and reg_id.isdigit() and len(reg_id) < 10 else 0,
        expires_s=wanted,
        q=_q(params.get("q")),
    )


def _q(text: str | None) -> float:
    """qvalue (RFC 3261 §25.1): 0 to 1 with up to three decimals; what is none counts as 1."""
    whole, _, decimals = (text or "").partition(".")
    if whole == "0" and decimals.isascii() and decimals.isdigit() and len(decimals) <= 3:
        return float(f"0.{decimals}")
    return 0.0 if text == "0" else 1.0


def _echo(contact: NameAddr) -> str:
    kept = {name: value for name, value in contact.params.items() if name != "expires"}
    return str(NameAddr(contact.uri, kept, contact.display))


def listed(bindings: tuple[Binding, ...], now: float) -> str:
    """The Contact line of a 200: every binding with what is left of it (RFC 3261 §10.3 step 8)."""
    if not bindings:
        return ""
    parts: list[str] = []
    for binding in bindings:
        instance = f";+sip.instance={quote(binding.instance)}" if binding.instance else ""
        reg_id = f";reg-id={binding.reg_id}" if binding.reg_id else ""
        parts.append(f"<{binding.contact}>{instance}{reg_id};expires={binding.expires_in(now)}")
    return "Contact: " + ", ".join(parts) + "\r\n"
