"""Certificates: making and reading them, and the names that a client compares."""
