"""Settings of identity that change without a restart."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from antiphon.services.identity.errors import BAD_SETTING


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Kept in the store; `Identity.change_settings` makes them effective at once, for tokens issued from then on."""

    access_token_minutes: int = 60
    """1 to 1440. Source: wire format of the refresh login flow."""
    refresh_token_days: int = 60
    """1 to 90."""
    refresh_reuse_leeway_s: int = 0
    """0 to 60. Within it a refresh repeated because its answer was lost gets the same new token; the sign-in goes on."""
    browser_session_minutes: int = 480
    """1 to 10080. How long a browser that has signed in is not asked for the password again."""
    implicit_grant: bool = False
    """`response_type=token` for old Jabber; tokens then travel in addresses, so it is off."""
    password_grant: bool = False
    """The command line may send the password itself; for labs."""
    min_password_length: int = 8
    """1 to 128 characters."""
    redirect_uris: tuple[tuple[str, str], ...] = ()
    """Further (client id, redirect address) pairs."""

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BAD_SETTING.error(f"{name} = {value!r}, from {low} to {high}")
        for name in ("implicit_grant", "password_grant"):
            if not isinstance(getattr(self, name), bool):
                raise BAD_SETTING.error(f"{name} must be true or false")

    @property
    def access_token_s(self) -> int:
        return self.access_token_minutes * 60

    @property
    def refresh_token_s(self) -> int:
        return self.refresh_token_days * 86400

    def changed(self, values: dict[str, Any]) -> IdentitySettings:
        """With some values replaced. Raises AP-ID-007 for an unknown name or a value out of range."""
        known = {field.name for field in fields(self)}
        if unknown := sorted(set(values) - known):
            raise BAD_SETTING.error(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        values = dict(values)
        if "redirect_uris" in values:
            values["redirect_uris"] = _pairs(values["redirect_uris"])
        return replace(self, **values)


RANGES: dict[str, tuple[int, int]] = {
    "access_token_minutes": (1, 1440),
    "refresh_token_days": (1, 90),
    "refresh_reuse_leeway_s": (0, 60),
    "browser_session_minutes": (1, 10080),
    "min_password_length": (1, 128),
}


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    try:
        pairs = tuple((client_id, uri) for client_id, uri in value)
    except (TypeError, ValueError):
        raise BAD_SETTING.error("redirect_uris is a list of [client id, address]") from None
    for client_id, uri in pairs:
        if not isinstance(client_id, str) or not isinstance(uri, str) or ":" not in uri or "#" in uri:
            raise BAD_SETTING.error("redirect_uris is a list of [client id, address without fragment]")
    return pairs
