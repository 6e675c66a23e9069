"""Where the client keeps its files.

Source: XDG Base Directory Specification; on Windows the roaming and the local folder, as S0-73 … S0-77 split them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "antiphon"


def config_dir() -> Path:
    """What a person may edit and carry to another machine."""
    return _directory("XDG_CONFIG_HOME", ".config", "APPDATA")


def state_dir() -> Path:
    """What belongs to this machine: sign-ins, trusted certificates, history."""
    return _directory("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")


def cache_dir() -> Path:
    """What may be deleted at any time."""
    return _directory("XDG_CACHE_HOME", ".cache", "LOCALAPPDATA")


def _directory(variable: str, default: str, windows: str) -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get(windows) or Path.home()) / _NAME
    given = os.environ.get(variable, "")
    # "All paths must be absolute; a relative one is to be ignored."
    root = Path(given) if given.startswith("/") else Path.home() / default
    return root / _NAME


def private_dir(path: Path) -> Path:
    """`path`, made if it is missing, for this account only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace the file in one step; nobody but this account can read it at any moment."""
    private_dir(path.parent)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
