"""The SIP door: REGISTER to the registrar, calls to the call service, over UDP, TCP, TLS and WebSocket."""

from antiphon.interfaces.sip.door import SipDoor
from antiphon.interfaces.sip.endpoints import SipDatagramEndpoint, SipStreamEndpoint, SipWebSocketEndpoint
from antiphon.interfaces.sip.listener import Listener, Scheme

__all__ = [
    "Listener",
    "Scheme",
    "SipDatagramEndpoint",
    "SipDoor",
    "SipStreamEndpoint",
    "SipWebSocketEndpoint",
]
