"""Keys derived from a password, so that the password itself is never kept: SCRAM and digest."""

from antiphon.protocols.scram.keys import (
    HashName,
    ScramKeys,
    digest_ha1,
    prepare_password,
    scram_keys,
)

__all__ = ["HashName", "ScramKeys", "digest_ha1", "prepare_password", "scram_keys"]
