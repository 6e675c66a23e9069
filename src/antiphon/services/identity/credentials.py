"""Passwords: only their Argon2id hash and what SIP and XMPP derive from them are kept."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any

from antiphon.kernel.random import Random
from antiphon.protocols.scram import HashName, ScramKeys, digest_ha1, prepare_password, scram_keys
from antiphon.protocols.scram.keys import ITERATIONS
from antiphon.services.identity import store
from antiphon.services.identity.errors import BAD_PASSWORD
from antiphon.services.identity.ports import PasswordHash
from antiphon.services.identity.sealing import Sealing
from antiphon.services.identity.store import IdentityStore

REALM = "ccmsipline"
CACHE_S = 300.0
_SALT_BYTES = 16
_LENGTHS = {"sha-1": 20, "sha-256": 32}
MAX_PASSWORD_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class _Credential:
    password_hash: str
    scram: dict[str, ScramKeys]
    ha1: dict[str, str]


class Credentials:
    """`load` before use. Userids are in the directory's spelling."""

    def __init__(
        self, credentials: IdentityStore, sealing: Sealing, hashing: PasswordHash, random: Random
    ) -> None:
        self._store = credentials
        self._sealing = sealing
        self._hashing = hashing
        self._random = random
        self._known: dict[str, _Credential] = {}
        self._nobody = ""
        # Keyed with bytes of this process alone: what was verified lately cannot be read out of a core dump as is.
        self._cache_key = random.raw(32)
        self._cache: dict[str, tuple[bytes, float]] = {}
        self._fake_key = sealing.subkey("scram keys of nobody")

    async def load(self) -> None:
        """Raises AP-ID-008."""
        self._known = {row["userid"]: self._open(row) for row in await self._store.rows(store.credentials)}
        self._cache.clear()
        if not self._nobody:
            self._nobody = await self._hashing.make(self._random.token(16))

    async def reload(self, userid: str) -> None:
        """Another node may have changed it."""
        row = await self._store.credential(userid)
        if row is None:
            self._known.pop(userid, None)
            self._cache.pop(userid, None)
        elif self._known.get(userid) != (credential := self._open(row)):
            self._known[userid] = credential
            self._cache.pop(userid, None)

    def _open(self, row: dict[str, Any]) -> _Credential:
        derived = self._sealing.open(row["derived"], _name(row["userid"]))
        return _Credential(row["password_hash"], *_parse(derived))

    def knows(self, userid: str) -> bool:
        return userid in self._known

    async def put(self, userid: str, password: str, now: float) -> None:
        """Raises AP-ID-005 for what cannot be a password (RFC 8265 §4.2)."""
        prepared = _prepared(password)
        if prepared is None:
            raise BAD_PASSWORD.error()
        names: tuple[HashName, ...] = ("sha-1", "sha-256")
        credential = _Credential(
            await self._hashing.make(prepared),
            {name: scram_keys(prepared, self._random.raw(_SALT_BYTES), name) for name in names},
            {name: digest_ha1(userid, REALM, prepared, name) for name in ("MD5", "SHA-256")},
        )
        await self._store.put(
            store.credentials,
            userid=userid,
            password_hash=credential.password_hash,
            derived=self._sealing.seal(_text(credential), _name(userid)),
            changed_at=now,
        )
        self._known[userid] = credential
        self._cache.pop(userid, None)

    async def remove(self, userid: str) -> None:
        self._known.pop(userid, None)
        self._cache.pop(userid, None)
        await self._store.remove_credentials(userid)

    async def matches(self, userid: str, password: str, now: float) -> bool:
        """Whether it is the user's password; for a name without one this takes as long and is False.

        A right answer is remembered for five minutes, because UDS and SOAP clients send the password with every request.
        """
        prepared = _prepared(password)
        credential = self._known.get(userid)
        mac = hmac.digest(self._cache_key, f"{userid}\0{prepared}".encode(), "sha256")
        remembered = self._cache.get(userid)
        if remembered is not None and remembered[1] > now and hmac.compare_digest(remembered[0], mac):
            return True
        if prepared is None or credential is None:
            await self._hashing.matches(self._nobody, prepared or "-")
            return False
        if not await self._hashing.matches(credential.password_hash, prepared):
            return False
        if self._known.get(userid) is not credential:
            return False  # the password was changed while this one was being verified
        if self._hashing.outdated(credential.password_hash):
            await self.put(userid, prepared, now)
        self._cache[userid] = (mac, now + CACHE_S)
        return True

    def scram_keys(self, userid: str, hash_name: HashName, usable: bool) -> ScramKeys:
        """For a name that is unknown or not usable: a salt that stays the same, and keys that no proof fits."""
        credential = self._known.get(userid)
        if credential is not None and usable:
            return credential.scram[hash_name]
        fake = hmac.digest(self._fake_key, f"{hash_name}\0{userid}".encode(), "sha512")
        salt = fake[:_SALT_BYTES] if credential is None else credential.scram[hash_name].salt
        length = _LENGTHS[hash_name]
        return ScramKeys(salt, ITERATIONS, fake[-length:], self._random.raw(length))

    def ha1(self, userid: str, realm: str, algorithm: str) -> str | None:
        credential = self._known.get(userid)
        return None if credential is None or realm != REALM else credential.ha1.get(algorithm)


def _prepared(password: str) -> str | None:
    if len(password) > MAX_PASSWORD_LENGTH:
        return None
    try:
        return prepare_password(password)
    except ValueError:
        return None


def _name(userid: str) -> str:
    return f"credentials:{userid}"


def _text(credential: _Credential) -> bytes:
    scram = {
        name: [keys.salt.hex(), keys.iterations, keys.stored_key.hex(), keys.server_key.hex()]
        for name, keys in credential.scram.items()
    }
    return json.dumps({"scram": scram, "ha1": credential.ha1}).encode()


def _parse(text: bytes) -> tuple[dict[str, ScramKeys], dict[str, str]]:
    body = json.loads(text)
    scram = {
        name: ScramKeys(bytes.fromhex(salt), iterations, bytes.fromhex(stored), bytes.fromhex(server))
        for name, (salt, iterations, stored, server) in body["scram"].items()
    }
    return scram, body["ha1"]
