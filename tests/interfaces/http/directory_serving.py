"""A directory behind its HTTP interface: a real server on loopback, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from tests.interfaces.http.serving import localhost_context, loopback_socket, serving

from antiphon.client.directory import DirectoryClient
from antiphon.client.environment import Environment
from antiphon.interfaces.http.directory_api import routes
from antiphon.io.http_client import http_client
from antiphon.kernel.bus import Bus
from antiphon.kernel.errors import Fault, Kind
from antiphon.model import Principal
from antiphon.services.directory.service import Directory

BAD_TOKEN = Fault("AP-TEST-001", Kind.UNAUTHENTICATED, "No such token.", "Use another.")


class TokenTable:
    """Two tokens: one of an administrator, one of a user."""

    def verify_token(self, token: str) -> Principal:
        match token:
            case "root-token":
                return Principal("root", "token", admin=True)
            case "alice-token":
                return Principal("alice", "token")
        raise BAD_TOKEN.error()


@dataclass
class PasswordTable:
    set: dict[str, str] = field(default_factory=dict)

    async def set_password(self, userid: str, password: str) -> None:
        self.set[userid] = password


@dataclass
class DirectoryServer:
    origin: str
    ca_file: Path
    http: httpx2.AsyncClient
    passwords: PasswordTable
    directory: Directory

    def client(self, token: str = "root-token") -> DirectoryClient:
        async def fresh() -> str:
            return token

        return DirectoryClient(self.http, self.origin, fresh)

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str = "root-token",
        headers: dict[str, str] | None = None,
        **options: object,
    ) -> httpx2.Response:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return await self.http.request(method, f"{self.origin}/api/v1{path}", headers=headers, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def directory_server(directory: Directory, bus: Bus, tmp_path: Path) -> AsyncIterator[DirectoryServer]:
    sock = loopback_socket()
    ca_file = tmp_path / "ca.pem"
    context = localhost_context(ca_file)
    passwords = PasswordTable()
    environment = Environment(ca_file=ca_file)
    async with (
        serving(routes(directory, TokenTable(), passwords, bus), sock, context),
        http_client(environment.open_resolver(), environment.tls_context()) as http,
    ):
        origin = f"https://localhost:{sock.getsockname()[1]}"
        yield DirectoryServer(origin, ca_file, http, passwords, directory)
