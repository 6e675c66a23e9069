"""The documents of User Data Services: who somebody is, which devices and lines they have, where their configuration lies.

No namespace; the root carries `uri` and `version`. Elements that have no value are there and empty, because clients
index them without a check.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from antiphon.interfaces.cisco.xml import Element, add, flag, root, serialise
from antiphon.model import Device, Line, User
from antiphon.services.discovery.service import Home
from antiphon.services.provisioning.service import Provisioning, client_file, profile_file

_LANGUAGES = {
    "en": "English, United States",
    "fr": "French, France",
    "ko": "Korean, Korea Republic",
    "zh-hans": "Chinese, China",
    "zh-hant": "Chinese, Taiwan",
}
_REMOTE_DESTINATIONS = "4"


class UdsDocuments:
    """Writes documents on behalf of one node. `base` is its origin, e.g. `https://cucm1.example.test:8443`."""

    def __init__(self, base: str, provisioning: Provisioning, users_auth: bool) -> None:
        self._uds = f"{base}/cucm-uds"
        self._provisioning = provisioning
        self._users_auth = users_auth
        self._version = provisioning.cluster.version
        self._files = tuple(n.name for n in provisioning.cluster.nodes if "provisioning" in n.roles)

    def _root(self, name: str, path: str, **attributes: str) -> Element:
        return root(name, uri=f"{self._uds}{path}", version=self._version, **attributes)

    def _user_uri(self, userid: str) -> str:
        return f"{self._uds}{user_path(userid)}"

    def version(self) -> bytes:
        document = self._root("versionInformation", "/version")
        add(document, "version", self._version)
        add(add(document, "capabilities"), "usersResourceAuthEnabled", flag(self._users_auth))
        return serialise(document)

    def servers(self, names: Iterable[str]) -> bytes:
        document = self._root("servers", "/servers")
        for name in names:
            add(document, "server", name)
        return serialise(document)

    def cluster_user(self, query: str, home: Home | None) -> bytes:
        """200 in both cases: whether somebody was found is in the document."""
        document = self._root("clusterUser", f"/clusterUser?{query}")
        if home is None:
            add(document, "result", found="false")
            return serialise(document)
        there = f"https://{home.node}:8443/cucm-uds"
        add(document, "result", found="true", uri=f"{there}{user_path(home.userid)}", version=self._version)
        add(document, "homeCluster", home.node, serversUri=f"{there}/servers")
        details = add(document, "homeClusterDetails")
        add(details, "selfProvisioningSecureMode", flag(True))
        add(details, "adminProvisionMode", flag(False))
        return serialise(document)

    def users(self, query: str, found: tuple[User, ...], start: int, requested: int, total: int) -> bytes:
        document = self._root(
            "users",
            f"/users?{query}" if query else "/users",
            start=str(start),
            requestedCount=str(requested),
            returnedCount=str(len(found)),
            totalCount=str(total),
        )
        for user in found:
            entry = add(document, "user", uri=self._user_uri(user.userid))
            _names(entry, user)
            _numbers(entry, user)
            _addresses(entry, user)
            add(entry, "pager")
        return serialise(document)

    def user(self, user: User) -> bytes:
        path = user_path(user.userid)
        document = self._root("user", path)
        _names(document, user)
        add(document, "emMaxLoginTime")
        add(document, "allowProvisionEMMaxLoginTime", flag(False))
        _numbers(document, user)
        add(document, "mobileConnect", flag(False))
        add(document, "remoteDestinationLimit", _REMOTE_DESTINATIONS)
        locales = f"{self._uds}/options/installedLocales"
        language = _LANGUAGES.get(user.locale.lower(), _LANGUAGES["en"])
        add(document, "userLocale", language, uri=locales, value="", appliesToAllDevices=flag(True))
        _addresses(document, user)
        add(document, "pager")
        add(document, "selfServiceId", user.telephone)
        add(document, "accountType", "local", useLdapAuth=flag(False))
        self._services(document, user)
        forward = add(document, "callForwardAllDestination", appliesToAllExtensions=flag(True))
        add(forward, "sendToVoiceMailPilotNumber", flag(False))
        add(forward, "destination")
        add(document, "enableDoNotDisturb", flag(False), appliesToAllDevices=flag(True))
        for name in ("devices", "credentials", "extensions", "subscribedServices", "speedDials"):
            add(document, name, uri=f"{self._uds}{path}/{name}")
        return serialise(document)

    def _services(self, document: Element, user: User) -> None:
        cluster = self._provisioning.cluster
        at_home = flag(not user.home_cluster or user.home_cluster == cluster.name)
        im, calendar = flag(user.im_enabled), flag(False)
        add(document, "homeCluster", at_home, enableImAndPresence=im, enableCalendarPresence=calendar)
        presence = add(document, "imAndPresence")
        if user.im_enabled:
            for name in self._provisioning.im_nodes(user):
                add(presence, "server", name)
        profile = self._provisioning.profile_of(user)
        files = self._files[0]
        settings = self._provisioning.settings
        plain, secure = f"http://{files}:{settings.plain_port}", f"https://{files}:{settings.client_tls_port}"
        add(add(document, "serviceProfile"), "uri", f"{plain}/{profile_file(profile)}")
        holder = add(document, "jabberProfile")
        if profile is not None and profile.client_parameters:
            add(holder, "uri", f"{secure}/{client_file(profile)}")

    def devices(self, userid: str, devices: Iterable[Device]) -> bytes:
        document = self._root("devices", f"{user_path(userid)}/devices")
        for device in devices:
            uri = f"{self._uds}{device_path(userid, device)}"
            _device(add(document, "device", uri=uri), device)
        return serialise(document)

    def device(self, userid: str, device: Device) -> bytes:
        path = device_path(userid, device)
        document = self._root("device", path)
        _device(document, device)
        add(document, "requireCerLocation", flag(False))
        disturb = add(document, "doNotDisturbSettings")
        add(disturb, "enable", flag(False))
        add(disturb, "option", value="0")
        add(document, "userGuide", uri="")
        add(document, "phoneLocale")
        for name in ("extensions", "subscribedServices", "speedDials"):
            add(document, name, uri=f"{self._user_uri(userid)}/{name}")
        provision = add(document, "provision")
        for node in self._files:
            # How a client without a TFTP address finds its file.
            add(
                provision,
                "uri",
                f"http://{node}:{self._provisioning.settings.plain_port}/{quote(device.name)}.cnf.xml",
            )
        return serialise(document)

    def extensions(self, userid: str, lines: Iterable[Line]) -> bytes:
        path = f"{user_path(userid)}/extensions"
        document = self._root("extensions", path)
        for line in lines:
            entry = add(document, "extension", uri=f"{self._user_uri(userid)}/extension/{line.pkid}")
            add(entry, "id", line.pkid)
            add(entry, "directoryNumber", line.number)
            add(entry, "description", line.display_name)
            forward = add(entry, "callForwardAllDestination")
            add(forward, "sendToVoiceMailPilotNumber", flag(False))
            add(forward, "destination", line.forward_all)
        return serialise(document)

    def speed_dials(self, userid: str) -> bytes:
        document = self._root("userSpeedDials", f"{user_path(userid)}/speedDials")
        add(document, "speedDials", appliesToAllDevices=flag(True), totalCount="0")
        return serialise(document)

    def subscribed_services(self, userid: str) -> bytes:
        document = self._root("userSubscribedServices", f"{user_path(userid)}/subscribedServices")
        add(document, "subscribedServices", appliesToAllDevices=flag(True), totalCount="0")
        return serialise(document)

    def installed_locales(self) -> bytes:
        document = self._root("installedLocales", "/options/installedLocales")
        for tag, name in _LANGUAGES.items():
            add(document, "locale", name, value=tag)
        return serialise(document)

    def credentials(self, userid: str) -> bytes:
        document = self._root("loginDetails", f"{user_path(userid)}/credentials")
        add(document, "userName", userid)
        add(document, "accountType", "local", useLdapAuth=flag(False))
        return serialise(document)


def error_document(code: str, message: str) -> bytes:
    document = root("error")
    add(document, "code", code)
    add(document, "message", message)
    return serialise(document)


def user_path(userid: str) -> str:
    return f"/user/{quote(userid, safe='')}"


def device_path(userid: str, device: Device) -> str:
    """Devices lie below their user; there is no device of nobody."""
    return f"{user_path(userid)}/device/{device.pkid}"


def _names(entry: Element, user: User) -> None:
    for name, value in (
        ("id", user.pkid),
        ("userName", user.userid),
        ("firstName", user.first_name),
        ("lastName", user.last_name),
        ("middleName", ""),
        ("nickName", ""),
        ("displayName", user.display_name),
    ):
        add(entry, name, value)


def _numbers(entry: Element, user: User) -> None:
    add(entry, "phoneNumber", user.telephone)
    add(entry, "homeNumber", user.home_phone)
    add(entry, "mobileNumber", user.mobile)


def _addresses(entry: Element, user: User) -> None:
    for name, value in (
        ("email", user.mail),
        ("directoryUri", user.directory_uri),
        ("msUri", ""),
        ("department", user.department),
        ("manager", user.manager),
        ("title", user.title),
    ):
        add(entry, name, value)


def _device(entry: Element, device: Device) -> None:
    add(entry, "id", device.pkid)
    add(entry, "name", device.name)
    add(entry, "type", "Phone")
    add(entry, "model", device.product)
    add(entry, "description", device.description, editable=flag(True))
    add(entry, "protocol", "SIP")
