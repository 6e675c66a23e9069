"""What discovery needs of others."""

from __future__ import annotations

from typing import Protocol

from antiphon.model import User


class Directory(Protocol):
    """Who belongs to this deployment."""

    def user(self, userid: str) -> User | None: ...

    def user_by_mail(self, mail: str) -> User | None: ...
