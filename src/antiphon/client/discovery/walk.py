"""The algorithm: address → domain → SRV records → inside or outside → home cluster → how to sign in.

Source: S2-44, S2-48 … S2-65, S2-71 … S2-73, S2-83, S2-90, S2-98, S1-28, S1-29.
"""

from __future__ import annotations

import asyncio
import time

from antiphon.client import oauth
from antiphon.client.discovery.asking import Asker
from antiphon.client.discovery.bootstrap import Bootstrap
from antiphon.client.discovery.cache import DiscoveryCache
from antiphon.client.discovery.errors import BAD_ADDRESS
from antiphon.client.discovery.reading import (
    cas_code,
    cas_meaning,
    home_meaning,
    read_home,
    read_servers,
    read_sign_on,
    read_version,
    sign_on_meaning,
    tell_place,
    tell_srv,
)
from antiphon.client.discovery.record import Found, Step, Tell, Verdict, silent
from antiphon.client.discovery.rules import Conclusion, Source, Where, conclude, questions
from antiphon.client.http import Http
from antiphon.io.dns_client import Resolver, SrvAnswer
from antiphon.kernel.errors import DomainError
from antiphon.protocols.dns.names import is_address, mailbox

UDS_PORT = 8443


class Discoverer:
    """Finds services for addresses.

    `cache` None asks afresh every time and keeps nothing. `cloud_lookup` is the address of the CAS query and is empty
    by default: the domain a person types then goes to nobody but their own name servers (S2-55 … S2-59).
    """

    def __init__(
        self,
        resolver: Resolver,
        http: Http,
        *,
        bootstrap: Bootstrap | None = None,
        cache: DiscoveryCache | None = None,
        cloud_lookup: str = "",
        tell: Tell = silent,
    ) -> None:
        self._resolver = resolver
        self._http = http
        self._bootstrap = bootstrap if bootstrap is not None else Bootstrap()
        self._cache = cache
        self._cloud_lookup = cloud_lookup
        self._tell = tell

    async def discover(self, address: str) -> Found:
        """Every step is told as it ends. Raises AP-DISC-001 for what is no `user@domain`, and nothing else."""
        try:
            local, domain = mailbox(address)
        except ValueError as error:
            raise BAD_ADDRESS.error(str(error)) from error
        # What the client was told earlier, inside, counts outside too (S0-156, S2-98).
        remembered = self._cache.bootstrap(domain) if self._cache is not None else Bootstrap()
        bootstrap = self._bootstrap.over(remembered)
        services_domain = bootstrap.services_domain or domain
        voice_domain = bootstrap.voice_services_domain or services_domain
        found = Found(address.strip().lower(), local.lower(), services_domain, voice_domain)
        ask = Asker(self._http, found.steps, self._tell)
        text = f"services domain {services_domain}"
        ask.add(
            "address", address, f"user {local}, domain {domain}", text + _voice(services_domain, voice_domain)
        )
        if bootstrap.manual:
            found.where = Where.MANUAL
            ask.add(
                "sources",
                "",
                ", ".join(sorted(bootstrap.excluded)),
                "all are excluded: name the servers by hand",
            )
            return found
        if await self._from_cache(found, ask):
            return found
        await self._look_up(found, ask, bootstrap)
        if self._cache is not None and found.home:
            self._cache.keep(found, str(self._resolver))
        return found

    async def _look_up(self, found: Found, ask: Asker, bootstrap: Bootstrap) -> None:
        cloud, (concluded, answers) = await asyncio.gather(
            self._ask_cloud(found, ask, bootstrap), self._ask_dns(found, bootstrap)
        )
        for source, answer in answers.items():
            tell_srv(ask, source, answer, concluded)
        found.where, found.servers = concluded.where, concluded.servers
        if cloud and not concluded.servers:
            ask.add("cloud", "", "a domain of the cloud service", "sign in there; this program does not")
        tell_place(ask, concluded, self._resolver)
        if concluded.where is Where.INSIDE and concluded.source is not None:
            if concluded.source.service == "cisco-uds":
                await self._find_home(found, ask)
            if found.home:
                await self._ask_home(found, ask)

    async def _ask_dns(
        self, found: Found, bootstrap: Bootstrap
    ) -> tuple[Conclusion, dict[Source, SrvAnswer]]:
        asked = questions(found.voice_domain, bootstrap.excluded)
        answers = await asyncio.gather(*(self._resolver.srv(name) for _, name in asked))
        by_source = {source: answer for (source, _), answer in zip(asked, answers, strict=True)}
        return conclude(by_source), by_source

    async def _ask_cloud(self, found: Found, ask: Asker, bootstrap: Bootstrap) -> bool:
        if not self._cloud_lookup or "WEBEX" in bootstrap.excluded:
            return False
        parameters = {"org": found.domain}
        code = await ask.get("cloud", self._cloud_lookup, cas_code, cas_meaning, parameters=parameters)
        return code is not None and code != 1

    async def _find_home(self, found: Found, ask: Asker) -> None:
        """Ask each directory node in turn; by e-mail address first, then by user name."""
        for server in found.servers:
            if is_address(server.target):
                ask.add(
                    "home cluster",
                    str(server),
                    "",
                    "the record names an address, not a host",
                    verdict=Verdict.FAILED,
                )
            origin = f"https://{server.target}:{server.port}"
            for question in ({"email": found.address}, {"username": found.userid}):
                home = await ask.get(
                    "home cluster",
                    f"{origin}/cucm-uds/clusterUser",
                    read_home,
                    home_meaning,
                    parameters=question,
                )
                if home is None:
                    break
                if home.host:
                    found.home = f"https://{home.host}:{UDS_PORT}"
                    found.userid = home.userid or found.userid
                    return
            else:
                return

    async def _ask_home(self, found: Found, ask: Asker) -> None:
        uds = f"{found.home}/cucm-uds"
        servers = await ask.get(
            "servers",
            f"{uds}/servers",
            read_servers,
            lambda s: (f"directory nodes: {', '.join(s)}", Verdict.OK),
        )
        found.cluster_servers = servers or ()
        version = await ask.get(
            "version", f"{uds}/version", read_version, lambda v: (f"interface version {v}", Verdict.OK)
        )
        found.version = version or ""
        url = f"{found.home}/ssosp/ws/public/singleSignOn"
        found.sign_on = await ask.get("sign-on", url, read_sign_on, sign_on_meaning)
        await self._ask_authorization_server(found, ask)

    async def _ask_authorization_server(self, found: Found, ask: Asker) -> None:
        url = found.home + oauth.METADATA_PATH
        started = time.monotonic()
        try:
            found.endpoints = await oauth.endpoints(self._http, found.home)
        except DomainError as error:
            took_s = time.monotonic() - started
            ask.add("authorization", f"GET {url}", error.detail, error.fault.what, took_s, Verdict.FAILED)
            return
        grants = ", ".join(name.rpartition(":")[2] for name in found.endpoints.grants)
        took_s = time.monotonic() - started
        ask.add(
            "authorization", f"GET {url}", f"issuer {found.endpoints.issuer}", f"grants: {grants}", took_s
        )

    async def _from_cache(self, found: Found, ask: Asker) -> bool:
        """What was found last time, if its home cluster still answers; the place may have changed since (S2-50)."""
        kept = self._cache.load(found, str(self._resolver)) if self._cache is not None else None
        if kept is None:
            return False
        found.where, found.servers = Where(kept.where), kept.servers
        found.home, found.userid = kept.home, kept.userid
        ask.add("cache", found.domain, f"{kept.where}, home {kept.home}", "checking that it still holds")
        await self._ask_home(found, ask)
        if found.version and found.endpoints is not None:
            found.cached = True
            return True
        ask.add("cache", found.domain, "", "it does not hold any more: asking afresh", verdict=Verdict.ABSENT)
        # Failures on the way to an outdated server are no failures of this discovery.
        found.steps[:] = [_excused(step) for step in found.steps]
        found.where, found.servers, found.home, found.sign_on = Where.NOTHING, (), "", None
        return False


async def discover(address: str, resolver: Resolver, http: Http, tell: Tell = silent) -> Found:
    """Without cache and overrides."""
    return await Discoverer(resolver, http, tell=tell).discover(address)


def _excused(step: Step) -> Step:
    if step.verdict is not Verdict.FAILED:
        return step
    return Step(step.name, step.asked, step.answered, step.took_s, step.conclusion, Verdict.ABSENT)


def _voice(services: str, voice: str) -> str:
    return f", service records below {voice}" if voice != services else ""
