"""Antiphon: self-hosted unified communications."""

__version__ = "0.1.0"
