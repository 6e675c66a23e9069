"""What a home cluster has for a user: service profile, client configuration, devices and their files.

Source: S2-72, S2-74 … S2-79, S2-85, S2-148 … S2-152, S3-14, S1-31.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlsplit

from antiphon.client import documents
from antiphon.client.discovery.asking import TLS_PORT, Asker, secured
from antiphon.client.discovery.cache import DiscoveryCache
from antiphon.client.discovery.record import Found, Provisioned, Tell, Verdict, silent
from antiphon.client.discovery.rules import authenticator, product_mode
from antiphon.client.documents import DeviceSettings, ListedDevice, Services, UserProfile
from antiphon.client.http import Answer, Http
from antiphon.services.provisioning.precedence import Origin, merge
from antiphon.services.provisioning.service import JABBER_CONFIG, group_file

T = TypeVar("T")


class Explorer:
    """Reads on behalf of one user. `bearer` is an access token; `basic` a user name and password instead."""

    def __init__(
        self,
        http: Http,
        *,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        cache: DiscoveryCache | None = None,
        tell: Tell = silent,
    ) -> None:
        self._http = http
        self._bearer = bearer
        self._basic = basic
        self._cache = cache
        self._tell = tell

    async def explore(self, found: Found) -> Provisioned:
        """Every step is told as it ends; what cannot be read is a failed step."""
        result = Provisioned()
        ask = Asker(self._http, result.steps, self._tell)
        if not found.home:
            return result
        base = f"{found.home}/cucm-uds/user/{quote(found.userid, safe='')}"
        user = await self._get(ask, "user", base, _user, _user_meaning)
        if user is None:
            return result
        result.user = user
        profile = await self._profile(ask, result, user)
        devices = await self._get(ask, "devices", f"{base}/devices", _devices, _devices_meaning)
        result.devices = devices or ()
        for device in result.devices:
            await self._device(ask, result, device)
        await self._parameters(ask, result, found, profile)
        servers = len(result.services.of("IMandPresence"))
        result.authenticator = authenticator(servers)
        result.product_mode = product_mode(servers, len(result.devices))
        ask.add("authenticator", "", result.authenticator, f"product mode: {result.product_mode}")
        return result

    async def _get(
        self,
        ask: Asker,
        name: str,
        url: str,
        read: Callable[[Answer], T],
        conclude: Callable[[T], tuple[str, Verdict]],
    ) -> T | None:
        return await ask.get(name, url, read, conclude, bearer=self._bearer, basic=self._basic)

    async def _profile(self, ask: Asker, result: Provisioned, user: UserProfile) -> dict[str, str]:
        """The service profile, and the client parameters that come with it."""
        if user.service_profile_uri:
            uri = secured(user.service_profile_uri)
            result.services = (
                await ask.get("service profile", uri, _services, _services_meaning) or Services()
            )
        if not user.client_profile_uri:
            return {}
        return (
            await ask.get("profile parameters", secured(user.client_profile_uri), _parameters, _count) or {}
        )

    async def _parameters(
        self, ask: Asker, result: Provisioned, found: Found, profile: dict[str, str]
    ) -> None:
        # Where the service profile lies, lies the rest: the file servers need not be the directory's nodes.
        uri = result.user.service_profile_uri if result.user is not None else ""
        host = urlsplit(uri or found.home).hostname or ""
        fields = [settings.support_field for settings in result.settings.values()]
        name = next((file for file in map(group_file, fields) if file != JABBER_CONFIG), JABBER_CONFIG)
        url = f"https://{host}:{TLS_PORT}/{quote(name)}"
        file = (
            await ask.get("configuration file", url, _parameters, _count, absent="none: defaults count") or {}
        )
        merged = merge(profile, file)
        result.parameters = {
            n: value.text for n, value in merged.items() if value.origin is not Origin.DEFAULT
        }
        if self._cache is not None:
            self._cache.keep_bootstrap(found.domain, result.parameters)

    async def _device(self, ask: Asker, result: Provisioned, device: ListedDevice) -> None:
        uris = await self._get(ask, "device", device.uri, _provision, _provision_meaning)
        for uri in uris or ():
            settings = await ask.get(
                "device file",
                secured(uri),
                lambda answer: documents.device_settings(answer.body, device.name),
                _device_meaning,
            )
            if settings is not None:
                result.settings[device.name] = settings
                return


def _user(answer: Answer) -> UserProfile:
    return documents.user_profile(answer.body)


def _user_meaning(user: UserProfile) -> tuple[str, Verdict]:
    im = f"IM and presence on {', '.join(user.im_servers)}" if user.im_enabled else "no IM and presence"
    return f"{user.display_name or user.userid}, {im}", Verdict.OK


def _services(answer: Answer) -> Services:
    return documents.services(answer.body)


def _services_meaning(services: Services) -> tuple[str, Verdict]:
    named = [
        f"{kind} {', '.join(a.host for a in addresses)}" for kind, addresses in services.sections.items()
    ]
    return "; ".join(named) or "no service has an address", Verdict.OK


def _parameters(answer: Answer) -> dict[str, str]:
    return documents.client_parameters(answer.body)


def _count(parameters: dict[str, str]) -> tuple[str, Verdict]:
    return f"{len(parameters)} parameters are set", Verdict.OK


def _devices(answer: Answer) -> tuple[ListedDevice, ...]:
    return documents.device_list(answer.body)


def _devices_meaning(devices: tuple[ListedDevice, ...]) -> tuple[str, Verdict]:
    return ", ".join(device.name for device in devices) or "no devices: no phone", Verdict.OK


def _provision(answer: Answer) -> tuple[str, ...]:
    return documents.provision_uris(answer.body)


def _provision_meaning(uris: tuple[str, ...]) -> tuple[str, Verdict]:
    if not uris:
        return "it does not say where its file is", Verdict.FAILED
    return f"its file is at {len(uris)} place{'s' if len(uris) > 1 else ''}", Verdict.OK


def _device_meaning(settings: DeviceSettings) -> tuple[str, Verdict]:
    lines = ", ".join(line.number for line in settings.lines) or "no line"
    if not settings.members:
        return f"{lines}, but no call node to register with", Verdict.FAILED
    first = settings.members[0]
    way = documents.signalling(settings, first)
    how = f"with a {way.proof} {'over TLS' if way.tls else 'in clear'}"
    return f"line {lines}, registers {how} at {first.host}:{way.port}", Verdict.OK
