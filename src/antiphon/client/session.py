"""A signed-in person: a token that is always fresh, and what the home cluster says about them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from antiphon.client import documents, oauth
from antiphon.client.documents import DeviceSettings, ListedDevice, Services, UserProfile
from antiphon.client.environment import Environment
from antiphon.client.errors import NO_DEVICE, SIGN_IN_EXPIRED, UNEXPECTED_ANSWER
from antiphon.client.http import Answer, Http
from antiphon.client.record import Records, SignIn
from antiphon.io.dns_client import Resolver
from antiphon.kernel.errors import DomainError

RENEW_BEFORE_S = 60.0
"""An access token that ends sooner is renewed before it is used."""


class Session:
    """Use as an async context manager, or call `close`.

    Made by `sign_in` (client/signin.py) or `load_session`. `records` None keeps nothing on disk.
    """

    def __init__(self, record: SignIn, records: Records | None = None) -> None:
        self._record = record
        self._records = records
        self.environment: Environment = record.environment
        self.resolver: Resolver = record.environment.open_resolver()
        self.http = Http(self.resolver, record.environment.context_for)
        self._renewing = asyncio.Lock()
        self._user: UserProfile | None = None

    @property
    def address(self) -> str:
        return self._record.address

    @property
    def userid(self) -> str:
        return self._record.userid

    @property
    def domain(self) -> str:
        return self._record.domain

    @property
    def home(self) -> str:
        """Origin of the home cluster."""
        return self._record.home

    @property
    def record(self) -> SignIn:
        return self._record

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.close()

    def save(self) -> None:
        """Keep this sign-in and make it the current one."""
        if self._records is not None:
            self._records.save(self._record, make_current=True)

    async def token(self, fresh: bool = False) -> str:
        """An access token that is good for at least a minute; `fresh` renews in any case.

        Raises AP-CLIENT-003 where the sign-in has ended.
        """
        async with self._renewing:
            if fresh or self._ends_soon(self._record):
                await self._renew(self._record.tokens.access if fresh else "")
            return self._record.tokens.access

    async def sign_out(self) -> None:
        """End the sign-in on the server and forget it here; the second happens whatever the server says."""
        try:
            await oauth.revoke(self.http, self._record.endpoints, self._record.tokens.refresh)
        finally:
            if self._records is not None:
                self._records.remove(self.address)

    async def user(self) -> UserProfile:
        if self._user is None:
            answer = await self._uds(f"/user/{quote(self.userid, safe='')}")
            self._user = documents.user_profile(answer.body)
        return self._user

    async def services(self) -> Services:
        """The service profile; empty where the user has none."""
        uri = (await self.user()).service_profile_uri
        return documents.services(await self._file(uri)) if uri else Services()

    async def devices(self) -> tuple[ListedDevice, ...]:
        answer = await self._uds(f"/user/{quote(self.userid, safe='')}/devices")
        return documents.device_list(answer.body)

    async def softphone(self, name: str = "") -> DeviceSettings:
        """Settings of the named device, or of the first software client (`CSF…`). Raises AP-CLIENT-031."""
        for device in await self.devices():
            if device.name == name or (not name and device.name.startswith("CSF")):
                return await self.device(device)
        raise NO_DEVICE.error(name)

    async def device(self, listed: ListedDevice) -> DeviceSettings:
        """The device file, from the first place that has it."""
        document = (await self._authorised(listed.uri)).body
        failure: DomainError | None = None
        for uri in documents.provision_uris(document):
            try:
                return documents.device_settings(await self._file(uri), listed.name)
            except DomainError as error:
                failure = error
        raise failure or NO_DEVICE.error(listed.name)

    async def _uds(self, path: str) -> Answer:
        return await self._authorised(f"{self.home}/cucm-uds{path}")

    async def _authorised(self, url: str) -> Answer:
        answer = await self.http.get(url, bearer=await self.token())
        if answer.status == 401:
            # Revoked, or signed with a key that has been rotated out: one fresh token decides which.
            answer = await self.http.get(url, bearer=await self.token(fresh=True))
        if answer.status == 401:
            raise SIGN_IN_EXPIRED.error()
        if not answer.ok:
            raise UNEXPECTED_ANSWER.error(f"{url}: {answer.status}")
        return answer

    async def _file(self, uri: str) -> bytes:
        """A provisioning file: over HTTPS (6972) where the node has it, else as the URI says (6970, public files)."""
        parts = urlsplit(uri)
        if parts.scheme == "http" and parts.port == 6970:
            secure = f"https://{parts.hostname}:6972{parts.path}"
            try:
                answer = await self.http.get(secure)
                if answer.ok:
                    return answer.body
            except DomainError:
                pass
        answer = await self.http.get(uri)
        if not answer.ok:
            raise UNEXPECTED_ANSWER.error(f"{uri}: {answer.status}")
        return answer.body

    @staticmethod
    def _ends_soon(record: SignIn) -> bool:
        return record.tokens.expires_at - time.time() < RENEW_BEFORE_S

    async def _renew(self, used: str) -> None:
        if self._records is None:
            self._record = await self._renewed(self._record)
            return
        async with self._records.locked():
            try:
                kept = self._records.load(self.address)
            except DomainError:
                kept = self._record
            # Another command may have renewed meanwhile; its token is as good as ours would be.
            if kept.tokens.access in (used, self._record.tokens.access) or self._ends_soon(kept):
                kept = await self._renewed(kept)
                self._records.save(kept)
            self._record = kept

    async def _renewed(self, record: SignIn) -> SignIn:
        if not record.tokens.refresh:
            raise SIGN_IN_EXPIRED.error()
        tokens = await oauth.renew(self.http, record.endpoints, record.tokens.refresh, time.time())
        # A server that does not rotate gives no new one (RFC 6749 §6): the old one stays.
        if not tokens.refresh:
            tokens = replace(
                tokens, refresh=record.tokens.refresh, refresh_expires_at=record.tokens.refresh_expires_at
            )
        return replace(record, tokens=tokens)


def load_session(address: str | None = None, records: Records | None = None) -> Session:
    """The current sign-in, or the one of `address`. Raises AP-CLIENT-001 where there is none."""
    kept = records if records is not None else Records()
    return Session(kept.load(address), kept)
