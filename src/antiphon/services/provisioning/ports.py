"""What provisioning needs of others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from antiphon.model import Device, Line, ServiceProfile, UcService, User


class Directory(Protocol):
    """Users, devices, lines and profiles, read from memory."""

    def user(self, userid: str) -> User | None: ...

    def device(self, name: str) -> Device | None: ...

    def line(self, number: str) -> Line | None: ...

    def uc_service(self, name: str) -> UcService | None: ...

    def service_profiles(self) -> Iterable[ServiceProfile]: ...

    def default_service_profile(self) -> ServiceProfile | None: ...

    def profile_of(self, user: User) -> ServiceProfile | None: ...
