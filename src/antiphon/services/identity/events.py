"""Facts that identity publishes."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.kernel.bus import Event


@dataclass(frozen=True, slots=True)
class SessionsRevoked(Event):
    """All sign-ins of a user are void: whoever serves this user closes everything that was opened for them."""

    userid: str
    session_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionRevoked(Event):
    """One sign-in is void (signed out, or a refresh token was used twice); the user's other sign-ins go on."""

    userid: str
    session_id: str


@dataclass(frozen=True, slots=True)
class CredentialsChanged(Event):
    """The user's password is another one."""

    userid: str


@dataclass(frozen=True, slots=True)
class SigningKeysRotated(Event):
    """Tokens are signed with a new key; what was signed before stays valid until it expires."""


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """Identity's settings are others; they count for what is issued from now on."""


@dataclass(frozen=True, slots=True)
class SignedIn(Event):
    """A sign-in has begun. `method` as in `Principal`."""

    userid: str
    client_id: str
    session_id: str
    method: str


@dataclass(frozen=True, slots=True)
class SignInFailed(Event):
    """Somebody failed to prove to be `userid`, which need not exist. `source` is an address, or empty."""

    userid: str
    source: str
