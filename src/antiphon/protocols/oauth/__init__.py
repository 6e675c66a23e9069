"""The parts of OAuth 2.0 that need no state: clients, redirect addresses, PKCE, signed tokens, metadata."""
