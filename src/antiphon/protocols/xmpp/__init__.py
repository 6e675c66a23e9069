"""XMPP (RFC 6120, 6121, 7395, 7622, XEP-0198): addresses, elements, the stream tokeniser, negotiation. Pure."""
