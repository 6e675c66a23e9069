"""What is refused before anybody is asked who they are.

Source: RFC 3261 §8.2.2, §8.2.3, §16.3
"""

from __future__ import annotations

from antiphon.interfaces.sip.authentication import Refusal
from antiphon.interfaces.sip.replies import ACCEPT, SUPPORTED_TAGS
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.multipart import body_of
from antiphon.protocols.sip.uri import parse_uri

SDP = "application/sdp"


def required(request: Request) -> Refusal | None:
    """420 for option tags that the request insists on and nobody here knows."""
    if "Require" not in request.fields:
        return None
    unknown = [tag for tag in request.listed("Require") if tag.lower() not in SUPPORTED_TAGS]
    return Refusal(420, f"Unsupported: {', '.join(unknown)}\r\n") if unknown else None


def invite(request: Request) -> Refusal | None:
    """Why an INVITE cannot be passed on, whoever sends it."""
    hops = request.fields.get("Max-Forwards")
    if hops is not None and not hops.strip("0"):
        return Refusal(483)
    return required(request) or _body(request) or _accept(request)


def _body(request: Request) -> Refusal | None:
    if not request.body or body_of(request, SDP) is not None:
        return None
    if "handling=optional" in request.get("Content-Disposition").replace(" ", "").lower():
        return None
    return Refusal(415, f"Accept: {ACCEPT}\r\n")


def _accept(request: Request) -> Refusal | None:
    """406 for a caller that could not read the only body an answer may have."""
    if "Accept" not in request.fields:
        return None
    types = {part.partition(";")[0].strip().lower() for part in request.listed("Accept")}
    return None if types & {SDP, "application/*", "*/*"} else Refusal(406)


def called_number(request: Request) -> str:
    """Whom the Request-URI names: the user part of a SIP URI, the digits of a tel URI."""
    uri = request.uri
    if uri[:4].lower() == "tel:":
        return "".join(c for c in uri[4:].partition(";")[0] if c.isalnum() or c in "+*#")
    return number_of(uri)


def number_of(uri: str) -> str:
    """The user of a checked SIP URI without its own parameters (`1001;phone-context=…`)."""
    return parse_uri(uri).username.partition(";")[0]
