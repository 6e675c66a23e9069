"""The calling features, one file each: what the core does not know and does not name."""
