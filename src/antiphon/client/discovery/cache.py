"""What was found last time, for the next start.

Source: S2-45, S2-54, S2-96, S2-118. Kept for a day; a cached answer is checked against its home cluster before it is used.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from antiphon.client.discovery.bootstrap import Bootstrap
from antiphon.client.discovery.record import Found
from antiphon.client.paths import cache_dir, write_private
from antiphon.kernel.errors import DomainError
from antiphon.protocols.dns.srv import Srv

MAX_AGE_S = 86400.0
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """One discovery."""

    where: str
    servers: tuple[Srv, ...]
    home: str
    userid: str
    resolver: str
    """Whom it was asked of: another name server may see another place."""
    at: float
    """Wall seconds."""


class DiscoveryCache:
    """One small file an address, one a domain for what the client was told about discovery itself."""

    def __init__(self, directory: Path | None = None, wall: Callable[[], float] = time.time) -> None:
        self._directory = directory if directory is not None else cache_dir() / "discovery"
        self._wall = wall

    def load(self, asked: Found, resolver: str) -> Kept | None:
        """None when there is nothing, when it is too old, or when it was learned elsewhere."""
        try:
            held = self._read(f"address {asked.address} {asked.voice_domain}")
            kept = Kept(
                str(held["where"]),
                tuple(Srv(int(p), int(w), int(port), str(target)) for p, w, port, target in held["servers"]),
                str(held["home"]),
                str(held["userid"]),
                str(held["resolver"]),
                float(held["at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        fresh = 0 <= self._wall() - kept.at <= MAX_AGE_S
        return kept if fresh and kept.resolver == resolver and kept.home.startswith("https://") else None

    def keep(self, found: Found, resolver: str) -> None:
        kept = Kept(found.where.value, found.servers, found.home, found.userid, resolver, self._wall())
        self._write(f"address {found.address} {found.voice_domain}", asdict(kept))

    def forget(self, found: Found) -> None:
        self._path(f"address {found.address} {found.voice_domain}").unlink(missing_ok=True)

    def bootstrap(self, domain: str) -> Bootstrap:
        """What the configuration of this domain said about discovery, when it was last read."""
        try:
            return Bootstrap.of({str(k): str(v) for k, v in self._read(f"domain {domain}").items()})
        except (OSError, ValueError, TypeError, AttributeError, DomainError):
            return Bootstrap()

    def keep_bootstrap(self, domain: str, parameters: dict[str, str]) -> None:
        names = ("VoiceServicesDomain", "ServiceDiscoveryExcludedServices")
        chosen = {name: parameters[name] for name in names if parameters.get(name)}
        if chosen:
            self._write(f"domain {domain}", chosen)
        else:
            self._path(f"domain {domain}").unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._directory / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"

    def _read(self, key: str) -> dict[str, Any]:
        held = json.loads(self._path(key).read_bytes())
        if held["version"] != _VERSION:
            raise ValueError("written by another version")
        value: dict[str, Any] = held["value"]
        return value

    def _write(self, key: str, value: dict[str, Any]) -> None:
        try:
            write_private(self._path(key), json.dumps({"version": _VERSION, "value": value}).encode())
        except OSError:
            # A cache that cannot be written is no reason to fail: the next start asks again.
            return
