"""What is kept of a sign-in between two commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self

from antiphon.client.credentials import CredentialStore, open_store
from antiphon.client.environment import Environment
from antiphon.client.errors import NOT_SIGNED_IN, STORE_UNREADABLE
from antiphon.client.oauth import Endpoints, Tokens
from antiphon.client.paths import private_dir, state_dir, write_private

_VERSION = 1
_LOCK_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class SignIn:
    """One person on one deployment."""

    address: str
    """What the person typed, in lower case: `alice@example.test`."""
    userid: str
    domain: str
    """The services domain, which is the XMPP domain too."""
    home: str
    """Origin of the home cluster, e.g. `https://cucm1.example.test:8443`."""
    endpoints: Endpoints
    tokens: Tokens
    environment: Environment

    def as_bytes(self) -> bytes:
        return json.dumps(
            {
                "version": _VERSION,
                "address": self.address,
                "userid": self.userid,
                "domain": self.domain,
                "home": self.home,
                "issuer": self.endpoints.issuer,
                "token_endpoint": self.endpoints.token,
                "revocation_endpoint": self.endpoints.revocation,
                "access_token": self.tokens.access,
                "expires_at": self.tokens.expires_at,
                "refresh_token": self.tokens.refresh,
                "refresh_expires_at": self.tokens.refresh_expires_at,
                "scope": self.tokens.scope,
                "environment": self.environment.as_json(),
            }
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises AP-CLIENT-009 for what is not a sign-in of this version."""
        try:
            held: dict[str, Any] = json.loads(data)
            if held["version"] != _VERSION:
                raise STORE_UNREADABLE.error("written by another version")
            return cls(
                held["address"],
                held["userid"],
                held["domain"],
                held["home"],
                Endpoints(held["issuer"], held["token_endpoint"], "", held["revocation_endpoint"]),
                Tokens(
                    held["access_token"],
                    float(held["expires_at"]),
                    held["refresh_token"],
                    float(held["refresh_expires_at"]),
                    held["scope"],
                ),
                Environment.from_json(held["environment"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise STORE_UNREADABLE.error() from error


class Records:
    """The sign-ins of this account on this machine. One of them is the current one: the last signed in."""

    def __init__(self, store: CredentialStore | None = None) -> None:
        self._store = store if store is not None else open_store()

    @property
    def place(self) -> str:
        """For people: where the secrets are kept."""
        return self._store.name

    @property
    def current(self) -> str | None:
        try:
            return (state_dir() / "current").read_text("utf-8").strip() or None
        except FileNotFoundError:
            return None

    def load(self, address: str | None = None) -> SignIn:
        """Raises AP-CLIENT-001 where nobody is signed in under this address."""
        chosen = address.lower() if address else self.current
        held = self._store.load(chosen) if chosen else None
        if held is None:
            raise NOT_SIGNED_IN.error(address or "")
        return SignIn.from_bytes(held)

    def save(self, record: SignIn, make_current: bool = False) -> None:
        self._store.save(record.address, record.as_bytes())
        if make_current:
            write_private(state_dir() / "current", record.address.encode())

    def remove(self, address: str) -> None:
        self._store.remove(address)
        if self.current == address:
            with contextlib.suppress(FileNotFoundError):
                (state_dir() / "current").unlink()

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """One process at a time renews: a refresh token used twice ends the sign-in (RFC 9700 §4.14.2)."""
        try:
            import fcntl
        except (
            ImportError
        ):  # no such lock on this system; two commands at the same instant are then the person's risk
            yield
            return
        path = private_dir(state_dir()) / "renew.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_LOCK_POLL_S)
            yield
        finally:
            os.close(descriptor)
