"""Namespace names, as the standards spell them."""

from __future__ import annotations

from typing import NamedTuple


class QName(NamedTuple):
    """An expanded name: namespace name and local name."""

    ns: str
    local: str


CLIENT = "jabber:client"
STREAMS = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
SM = "urn:xmpp:sm:3"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
CHANNEL_BINDING = "urn:xmpp:sasl-cb:0"
DOMAIN_BASED_NAME = "urn:xmpp:domain-based-name:0"
XML = "http://www.w3.org/XML/1998/namespace"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
"""The key of `xml:lang` in `Element.attrs`."""
