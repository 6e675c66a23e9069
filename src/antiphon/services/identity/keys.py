"""The keys that sign access tokens: one signs, the ones before it still verify. Source: S1-79 (no restart)."""

from __future__ import annotations

import json
from typing import Any

from joserfc.jwk import ECKey

from antiphon.services.identity import store
from antiphon.services.identity.sealing import Sealing
from antiphon.services.identity.store import IdentityStore

# 72 bits of the RFC 7638 thumbprint: enough to tell our keys apart, short enough for a SIP header.
_KID_LENGTH = 12


class KeyRing:
    """`load` before use."""

    def __init__(self, keys: IdentityStore, sealing: Sealing) -> None:
        self._store = keys
        self._sealing = sealing
        self.verifying: dict[str, ECKey] = {}
        """By kid: the signing key and those retired ones whose tokens have not all expired."""
        self._until: dict[str, float | None] = {}
        self._signing: ECKey | None = None

    @property
    def signing(self) -> ECKey:
        assert self._signing is not None, "KeyRing.load was not awaited"
        return self._signing

    async def load(self, now: float) -> None:
        """Read the ring from the store again; make the first key where there is none. Raises AP-ID-008."""
        rows = await self._store.rows(store.signing_keys)
        rows.sort(key=lambda row: row["created_at"])
        if not any(row["verify_until"] is None for row in rows):
            rows.append(await self._make(now))
        self.verifying, self._until = {}, {}
        for row in rows:
            if row["verify_until"] is not None and row["verify_until"] < now:
                continue
            key = ECKey.import_key(json.loads(self._sealing.open(row["sealed"], f"signing key:{row['kid']}")))
            self.verifying[row["kid"]] = key
            self._until[row["kid"]] = row["verify_until"]
            if row["verify_until"] is None:
                self._signing = key

    async def rotate(self, now: float, verify_until: float) -> None:
        """Sign with a new key. The old ones verify until `verify_until`; with `now` they are refused at once."""
        retired = []
        for row in await self._store.rows(store.signing_keys):
            if row["verify_until"] is None or row["verify_until"] > verify_until:
                retired.append((store.signing_keys, {**row, "verify_until": verify_until}))
        row = await self._make(now, keep=False)
        await self._store.put_all(*retired, (store.signing_keys, row))
        await self.load(now)

    async def _make(self, now: float, keep: bool = True) -> dict[str, Any]:
        key = ECKey.generate_key("P-256")
        kid = key.thumbprint()[:_KID_LENGTH]
        private = key.as_dict(private=True, kid=kid, use="sig", alg="ES256")
        row = {
            "kid": kid,
            "sealed": self._sealing.seal(json.dumps(private).encode(), f"signing key:{kid}"),
            "created_at": now,
            "verify_until": None,
        }
        if keep:
            await self._store.put(store.signing_keys, **row)
        return row

    def jwks(self, now: float) -> dict[str, list[dict[str, Any]]]:
        """RFC 7517 §5: the public halves."""
        valid = [kid for kid, until in self._until.items() if until is None or until > now]
        return {"keys": [dict(self.verifying[kid].as_dict(private=False)) for kid in valid]}

    def describe(self, now: float) -> list[dict[str, Any]]:
        return [
            {"kid": kid, "state": "signing" if until is None else "verifying", "verify_until": until}
            for kid, until in self._until.items()
            if until is None or until > now
        ]
