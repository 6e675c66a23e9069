"""The remote-control part of a REGISTER: which of its abilities the client finds here.

The bodies are matched by the one element that matters and are not parsed as XML.

Source: S3-57, S3-58; the elements of `optionsind`
"""

from __future__ import annotations

from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.multipart import parts

REQUEST_TYPE = "application/x-cisco-remotecc-request+xml"
OPTIONS_TYPE = "application/x-cisco-remotecc-response+xml"

_ANSWER = (
    b"<x-cisco-remotecc-response><response><code>200</code><optionsind>"
    b'<combine max="6"><remotecc><status></status></remotecc><service-control></service-control></combine>'
    b"</optionsind></response></x-cisco-remotecc-response>"
)


def options_answer(request: Request) -> bytes:
    """The body of the 200, or nothing when the client did not ask. Only what is served here is offered."""
    for part in parts(request):
        if part.content_type == REQUEST_TYPE and b"<optionsind" in part.body:
            return _ANSWER
    return b""
