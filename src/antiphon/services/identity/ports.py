"""What identity needs from others."""

from __future__ import annotations

from typing import Protocol

from antiphon.model import User


class Users(Protocol):
    """The directory, as far as a sign-in needs it."""

    def user(self, userid: str, /) -> User | None: ...

    def user_by_mail(self, mail: str, /) -> User | None: ...


class PasswordHash(Protocol):
    """Argon2id away from the loop. Raises AP-ID-003 when too many wait."""

    async def make(self, password: str) -> str:
        """The encoded hash, with its parameters and a fresh salt."""
        ...

    async def matches(self, encoded: str, password: str) -> bool: ...

    def outdated(self, encoded: str) -> bool:
        """Whether `encoded` was made with weaker parameters than today's."""
        ...
