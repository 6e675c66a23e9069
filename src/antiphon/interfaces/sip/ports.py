"""What the SIP door needs of the services behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from antiphon.model import Device, Line, Principal
from antiphon.services.call.legs import LegCommand, LegEvent
from antiphon.services.registrar.binding import Binding, RegisterRequest, RegisterResult
from antiphon.services.registrar.events import Reason


class Credentials(Protocol):
    """Digest secrets and the brake on guessing them."""

    def digest_ha1(self, userid: str, realm: str, algorithm: str) -> str | None:
        """H(A1) in hex; None when nothing could match."""
        ...

    def attempt(self, userid: str, source: str) -> None:
        """Asked before a check whose source has failed before. Raises `DomainError` when it must wait."""
        ...

    def sign_in_failed(self, userid: str, source: str) -> None: ...

    def sign_in_succeeded(self, userid: str, source: str) -> None: ...


class Tokens(Protocol):
    def verify_token(self, token: str, /) -> Principal:
        """Raises `DomainError` for a token that proves nothing."""
        ...


class Directory(Protocol):
    """The directory, as the door reads it."""

    def line(self, number: str) -> Line | None: ...

    def lines_of(self, userid: str) -> Iterable[Line]: ...

    def device(self, name: str) -> Device | None: ...

    def devices_with_line(self, number: str) -> Iterable[Device]: ...


class Registrar(Protocol):
    def register(self, request: RegisterRequest) -> RegisterResult: ...

    def bindings(self, aor: str) -> Sequence[Binding]: ...

    def remove_flow(self, flow: object) -> None: ...

    def remove(self, aor: str, device: str | None = None, reason: Reason = ...) -> None: ...


class Calls(Protocol):
    def handle(self, event: LegEvent) -> Sequence[LegCommand]: ...

    def connect(self, output: Callable[[Sequence[LegCommand]], None]) -> None: ...


class Edges(Protocol):
    """The list of edge nodes that may connect to the mutual-TLS port (S3-42, S3-43)."""

    def allowed(self, certificate: bytes) -> bool:
        """Does a name in this DER certificate stand in the list?"""
        ...


class NoEdges:
    """A deployment without an edge: nobody is let in on the mutual-TLS port."""

    def allowed(self, certificate: bytes) -> bool:
        return False
