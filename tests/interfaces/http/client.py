"""A browser without a screen: `requests`, which other people wrote, in a worker thread."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import requests
from tests.services.identity.deployment import PASSWORD, Deployment

from antiphon.protocols.oauth.clients import SCOPE
from antiphon.services.identity.service import TokenSet
from antiphon.services.trust import Trust


@dataclass(frozen=True, slots=True)
class Served:
    house: Deployment
    trust: Trust
    origin: str
    ca_file: Path

    def session(self) -> requests.Session:
        session = requests.Session()
        session.verify = str(self.ca_file)
        session.trust_env = False
        return session

    async def administrator(self, userid: str = "root") -> requests.Session:
        """With a token of the command line."""
        session = self.session()
        session.headers["Authorization"] = f"Bearer {(await self.sign_in(userid)).access_token}"
        return session

    async def sign_in(self, userid: str) -> TokenSet:
        scope = f"{SCOPE} admin" if userid == "root" else SCOPE
        return await self.house.identity.issue(userid, "antiphon-cli", scope)


async def in_thread(work: Callable[..., Any], *args: Any, **values: Any) -> Any:
    return await asyncio.to_thread(work, *args, **values)


def fields(page: requests.Response) -> dict[str, str]:
    """The hidden fields of the page's form."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def sign_in(
    session: requests.Session, address: str, username: str = "alice", password: str = PASSWORD, **changes: str
) -> requests.Response:
    """Opens the page and sends its form; redirects are not followed."""
    page = session.get(address, allow_redirects=False)
    form = {**fields(page), "username": username, "password": password, **changes}
    return session.post(page.url, data=form, allow_redirects=False)
