"""The chat client's half of XMPP: its connection, its contacts, what they say of themselves."""
