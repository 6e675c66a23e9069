"""Identity: who somebody is, by password or token, and for how long. Source: S1-30, S1-78, S1-79, S3-6, S3-27."""

from antiphon.services.identity.config import IdentitySettings
from antiphon.services.identity.service import Identity
from antiphon.services.identity.store import SCHEMA

__all__ = ["SCHEMA", "Identity", "IdentitySettings"]
