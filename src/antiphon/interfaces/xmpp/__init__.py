"""The XMPP door: clients over TCP with STARTTLS, over TLS, over WebSocket."""

from antiphon.interfaces.xmpp.config import DoorSettings, OnConflict
from antiphon.interfaces.xmpp.door import XmppDoor

__all__ = ["DoorSettings", "OnConflict", "XmppDoor"]
