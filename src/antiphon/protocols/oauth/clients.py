"""Public clients and the addresses an authorization answer may go to. Source: RFC 6749 §3.1.2, RFC 8252 §7.3, §8.3."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

JABBER = "C41eb54529dd9907e01d3744ead3a991ba9cc4c772b0497ebe8a103fa69fe81a8"
JABBER_WEB_SDK = "C69908c4f345729af0a23cdfff1d255272de942193e7d39171ddd307bc488d7a1"
JABBER_REFRESH = "C3b0affefe1439041683e9c2c37d36f438ef0ef27c0938adc6226e0c03d169f2a"

SCOPE = "UnifiedCommunications:readwrite"
ADMIN_SCOPE = "admin"

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_LOOPBACK = {"127.0.0.1", "[::1]"}


@dataclass(frozen=True, slots=True)
class Client:
    """A program that asks for tokens. None has a secret: whatever is shipped to every user is not one."""

    client_id: str
    name: str
    """Shown on the sign-in page."""
    redirect_uris: tuple[str, ...] = ()
    """Compared character by character; a loopback one (http://127.0.0.1/…, http://[::1]/…) stands for every port."""
    device_grant: bool = False
    password_grant: bool = False
    implicit_grant: bool = False
    may_administer: bool = False
    """Tokens of an administrator carry the `admin` scope."""

    def allows_redirect(self, uri: str) -> bool:
        return any(uri == known or _same_but_port(uri, known) for known in self.redirect_uris)


def _same_but_port(uri: str, known: str) -> bool:
    """RFC 8252 §7.3: a native app listens on whatever loopback port is free. Everything else must be equal."""
    expected = urlsplit(known)
    if expected.scheme != "http" or expected.netloc not in _LOOPBACK:
        return False
    try:
        given = urlsplit(uri)
        port = given.port
    except ValueError:
        return False
    if port is None or given.netloc != f"{expected.netloc}:{port}":
        return False
    return uri == SplitResult("http", given.netloc, expected.path, expected.query, "").geturl()


def well_known_clients(web_origins: tuple[str, ...] = ()) -> tuple[Client, ...]:
    """The clients every deployment knows. `web_origins` are where the web client lives, e.g. `https://cucm1…:8443`."""
    loopback = ("http://127.0.0.1/callback", "http://[::1]/callback")
    jabber = ("ciscojabber://oauth", *loopback)
    return (
        Client(JABBER, "Cisco Jabber", jabber, implicit_grant=True),
        Client(JABBER_WEB_SDK, "Cisco Jabber Web SDK", (), implicit_grant=True),
        Client(JABBER_REFRESH, "Cisco Jabber", jabber),
        Client(
            "antiphon-cli",
            "Antiphon command line",
            loopback,
            device_grant=True,
            password_grant=True,
            may_administer=True,
        ),
        Client(
            "antiphon-web",
            "Antiphon",
            (
                *(f"{origin}/callback" for origin in web_origins),
                *(f"{origin}/admin/callback" for origin in web_origins),
            ),
            may_administer=True,
        ),
    )
