"""Floor 4: the client SDK (discovery, sign-in, chat, phone) on the same protocol cores as the server."""
