"""End users."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """An end user. `userid` is the key everywhere: sign-in name, localpart of the JID, UDS user id; lower case."""

    userid: str
    pkid: str
    """A UUID, in lower case without braces; never changes."""
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    mail: str = ""
    directory_uri: str = ""
    telephone: str = ""
    """The number shown in the directory; usually the primary line."""
    mobile: str = ""
    home_phone: str = ""
    department: str = ""
    title: str = ""
    manager: str = ""
    locale: str = "en"
    """BCP 47."""
    enabled: bool = True
    im_enabled: bool = True
    service_profile: str = ""
    """Name of a `ServiceProfile`; empty means the default one."""
    home_cluster: str = ""
    """Empty means this cluster."""
    admin: bool = False
