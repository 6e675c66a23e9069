"""TFTP, the reading half: how a phone that knows nothing else gets its file."""
