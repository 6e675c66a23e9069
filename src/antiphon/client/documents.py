"""The documents a client reads on its way in: UDS answers, the service profile, the device file.

Elements are found by name, unknown ones are passed over, missing ones have defaults: deployments differ in what they
write around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

from lxml import etree

from antiphon.client.errors import UNEXPECTED_ANSWER
from antiphon.model.device import SecurityMode

_PARSER = {"no_network": True, "huge_tree": False, "remove_comments": True}


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What the directory says about the person who signs in."""

    userid: str
    display_name: str = ""
    number: str = ""
    mail: str = ""
    directory_uri: str = ""
    im_enabled: bool = False
    im_servers: tuple[str, ...] = ()
    service_profile_uri: str = ""
    client_profile_uri: str = ""
    """Client parameters that come with the service profile."""


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """One address of one service; port 0 where the document names none."""

    host: str
    port: int = 0
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """A service profile: per section its addresses, the primary one first."""

    sections: dict[str, tuple[ServiceAddress, ...]] = field(default_factory=dict)

    def of(self, section: str) -> tuple[ServiceAddress, ...]:
        """`section` is `IMandPresence`, `Voicemail`, `Directory` …"""
        return self.sections.get(section, ())


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """One entry of the user's device list."""

    name: str
    uri: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class CallManager:
    """A node that devices register with, and its ports."""

    host: str
    sip_port: int = 5060
    secure_port: int = 5061
    oauth_port: int = 5090
    edge_oauth_port: int = 5091


@dataclass(frozen=True, slots=True)
class PhoneLine:
    number: str
    display_name: str = ""
    contact: str = ""
    """User part of the Contact of this appearance."""


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """What a softphone needs of its device file."""

    name: str
    lines: tuple[PhoneLine, ...] = ()
    members: tuple[CallManager, ...] = ()
    """In the order of failover."""
    sip_oauth: bool = False
    security_mode: SecurityMode = SecurityMode.NON_SECURE
    register_expires_s: int = 3600
    register_delta_s: int = 5
    """A registration is refreshed so many seconds before it ends."""
    event_payload_type: int = 101
    support_field: str = ""
    """May name another client configuration file."""


@dataclass(frozen=True, slots=True)
class HomeCluster:
    """Where a user's record is."""

    host: str
    userid: str
    user_uri: str


@dataclass(frozen=True, slots=True)
class SignOn:
    """How a cluster lets people in."""

    sso: bool
    """Single sign-on: once, in a browser, at the cluster or the identity provider it names."""
    code_grant: bool
    """Whether authorization code and refresh tokens are offered."""


_SECTIONS = (
    "Voicemail",
    "MailStore",
    "Conferencing",
    "Directory",
    "IMandPresence",
    "CTI",
    "VideoConferenceSchedulingPortal",
)


class Signalling(NamedTuple):
    """How a device registers at one node."""

    proof: str
    """`token` or `digest`."""
    tls: bool
    port: int


def signalling(settings: DeviceSettings, member: CallManager) -> Signalling:
    """Which port the file means (S3-15 … S3-18): with SIP OAuth its own, else by the security mode."""
    if settings.sip_oauth:
        return Signalling("token", True, member.oauth_port)
    secure = settings.security_mode is not SecurityMode.NON_SECURE
    return Signalling("digest", secure, member.secure_port if secure else member.sip_port)


def home_cluster(document: bytes) -> HomeCluster | None:
    """Of `/cucm-uds/clusterUser`; None when nobody was found."""
    root = _root(document, "clusterUser")
    result = _first(root, "result")
    host = _text(root, "homeCluster")
    if result is None or result.get("found", "").lower() != "true" or not host:
        return None
    uri = result.get("uri", "")
    return HomeCluster(host, unquote(uri.rpartition("/")[2]), uri)


def server_list(document: bytes) -> tuple[str, ...]:
    """Of `/cucm-uds/servers`."""
    return tuple(filter(None, (_own(e) for e in _all(_root(document, "servers"), "server"))))


def interface_version(document: bytes) -> str:
    """Of `/cucm-uds/version`."""
    return _text(_root(document, "versionInformation"), "version")


def sign_on(document: bytes) -> SignOn:
    """Of `/ssosp/ws/public/singleSignOn`; a cluster that does not say so offers no code grant."""
    root = _root(document, "Response")
    status, oauth = _first(root, "Status"), _first(root, "OAuth")
    return SignOn(
        status is not None and status.get("enabled", "").lower() == "true",
        oauth is not None and oauth.get("codeGrant", "").lower() == "true",
    )


def client_parameters(document: bytes) -> dict[str, str]:
    """Of `jabber-config.xml` and the like: values by name. Sections are containers only; the first of a name counts."""
    found: dict[str, str] = {}
    for element in _root(document, "config").iter("{*}*"):
        if not len(element) and element.getparent() is not None and (value := _own(element)):
            found.setdefault(etree.QName(element).localname, value)
    return found


def user_profile(document: bytes) -> UserProfile:
    """Of `/cucm-uds/user/{userid}`."""
    root = _root(document, "user")
    cluster = _first(root, "homeCluster")
    presence = _first(root, "imAndPresence")
    profile = _first(root, "serviceProfile")
    return UserProfile(
        userid=_text(root, "userName"),
        display_name=_text(root, "displayName"),
        number=_text(root, "phoneNumber"),
        mail=_text(root, "email"),
        directory_uri=_text(root, "directoryUri"),
        im_enabled=cluster is not None and cluster.get("enableImAndPresence", "").lower() == "true",
        im_servers=tuple(filter(None, (_own(e) for e in _all(presence, "server")))),
        service_profile_uri=_text(profile, "uri"),
        client_profile_uri=_text(_first(root, "jabberProfile"), "uri"),
    )


def device_list(document: bytes) -> tuple[ListedDevice, ...]:
    """Of `/cucm-uds/user/{userid}/devices`."""
    root = _root(document, "devices")
    return tuple(
        ListedDevice(_text(device, "name"), device.get("uri", ""), _text(device, "model"))
        for device in _all(root, "device")
        if _text(device, "name")
    )


def provision_uris(document: bytes) -> tuple[str, ...]:
    """Where a device's file lies: of `/cucm-uds/user/{userid}/device/{pkid}`."""
    provision = _first(_root(document, "device"), "provision")
    return tuple(filter(None, (_own(e) for e in _all(provision, "uri"))))


def services(document: bytes) -> Services:
    """Of a service profile file. Sections without an address are left out."""
    root = _root(document)
    found: dict[str, tuple[ServiceAddress, ...]] = {}
    for name in _SECTIONS:
        section = _first(root, name)
        entries = [_first(section, rank) for rank in ("Primary", "Backup1", "Backup2")]
        addresses = tuple(
            ServiceAddress(_text(entry, "Address"), _number(entry, "Port", 0), _text(entry, "Protocol"))
            for entry in entries
            if _text(entry, "Address")
        )
        if addresses:
            found[name] = addresses
    return Services(found)


def device_settings(document: bytes, name: str) -> DeviceSettings:
    """Of `<DEVICE>.cnf.xml`."""
    root = _root(document, "device")
    members = sorted(
        (member for member in _all(_first(root, "callManagerGroup"), "member")),
        key=lambda member: _integer(member.get("priority"), 99),
    )
    lines = tuple(
        PhoneLine(_text(line, "name"), _text(line, "displayName"), _text(line, "contact"))
        for line in _all(_first(root, "sipLines"), "line")
        if _number(line, "featureID", 9) == 9 and _text(line, "name")
    )
    mode = _number(root, "deviceSecurityMode", 1)
    return DeviceSettings(
        name=name,
        lines=lines,
        members=tuple(member for member in map(_call_manager, members) if member.host),
        sip_oauth=_text(root, "sipOAuthMode") == "1",
        security_mode=SecurityMode(mode) if mode in (1, 2, 3) else SecurityMode.NON_SECURE,
        register_expires_s=_number(root, "timerRegisterExpires", 3600),
        register_delta_s=_number(root, "timerRegisterDelta", 5),
        event_payload_type=_number(root, "dtmfAvtPayload", 101),
        support_field=_text(root, "ciscoSupportField"),
    )


def _call_manager(member: Any) -> CallManager:
    # One text names the edge port `sipMAOAuthPort`, files have `sipMRAOAuthPort`; both are read.
    edge = _number(member, "sipMRAOAuthPort", _number(member, "sipMAOAuthPort", 5091))
    return CallManager(
        _text(member, "processNodeName") or _text(_first(member, "callManager"), "name"),
        _number(member, "sipPort", 5060),
        _number(member, "securedSipPort", 5061),
        _number(member, "sipOAuthPort", 5090),
        edge,
    )


def _root(document: bytes, name: str | None = None) -> Any:
    """The root element; raises AP-CLIENT-006 for what is not XML, has a DOCTYPE, or is another document."""
    parser = etree.XMLParser(**_PARSER)
    # Real device files use a prefix that they do not declare (`xsi:type`); nothing else about them is forgiven.
    declared = document.replace(b"<device xsi:type=", b"<device type=", 1)
    try:
        root = etree.fromstring(declared, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UNEXPECTED_ANSWER.error(f"no {name or 'XML'} document") from error
    if root.getroottree().docinfo.doctype:
        raise UNEXPECTED_ANSWER.error("a document type declaration is not accepted")
    if name is not None and etree.QName(root).localname != name:
        raise UNEXPECTED_ANSWER.error(f"no {name} document")
    return root


def _all(within: Any, name: str) -> Iterator[Any]:
    if within is None:
        return iter(())
    return within.iterfind(f".//{{*}}{name}")  # type: ignore[no-any-return]


def _first(within: Any, name: str) -> Any:
    return next(_all(within, name), None)


def _own(element: Any) -> str:
    return (element.text or "").strip() if element is not None else ""


def _text(within: Any, name: str) -> str:
    return _own(_first(within, name))


def _integer(text: str | None, default: int) -> int:
    return (
        int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else default
    )


def _number(within: Any, name: str, default: int) -> int:
    return _integer(_text(within, name), default)
