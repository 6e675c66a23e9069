"""Secrets in files of their own, readable by their owner alone."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

log = logging.getLogger(__name__)


def read_or_make_secret(path: Path, nbytes: int = 32) -> bytes:
    """The file's bytes; at the first call `nbytes` random ones are written (mode 0600, never half)."""
    try:
        _close_to_others(path)
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(nbytes))
        file.flush()
        os.fsync(file.fileno())
    path.with_suffix(".new").rename(path)
    return path.read_bytes()


def _close_to_others(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        log.warning(
            "secret was open to others, closed to its owner", extra={"code": "AP-ID-032", "path": str(path)}
        )
        path.chmod(0o600)
