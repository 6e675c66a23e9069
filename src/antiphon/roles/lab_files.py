"""What a lab keeps in its directory, and whether it runs."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from antiphon.roles.errors import BROKEN_TOPOLOGY, NO_LAB
from antiphon.roles.topology import EXAMPLE, Topology, parse

_READABLE = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"
"""What is not mistaken for something else when typed off a screen: 5.6 bits a character."""


def default_directory() -> Path:
    """`ANTIPHON_LAB`, else a directory of the user's own state (XDG)."""
    if named := os.environ.get("ANTIPHON_LAB"):
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "antiphon" / "lab"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A person of the lab, with everything that is needed to be that person."""

    userid: str
    address: str
    password: str
    line: str
    device: str
    digest_device: str
    """A second device on the same line that registers by digest."""
    admin: bool


@dataclass(frozen=True, slots=True)
class LabEnvironment:
    """What `antiphon lab env` prints."""

    pid: int
    directory: str
    domain: str
    resolver: str
    resolver_outside: str
    ca_file: str
    log_file: str
    users: tuple[DemoUser, ...]
    listeners: tuple[tuple[str, str, str], ...]
    """(node, what, address)."""

    def as_json(self) -> dict[str, Any]:
        return {"schema": "antiphon.lab/1", **asdict(self)}


class LabFiles:
    """The files of one lab. Everything in it is its owner's alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().absolute()

    @property
    def store(self) -> Path:
        return self.directory / "antiphon.db"

    @property
    def call_records(self) -> Path:
        return self.directory / "cdr.jsonl"

    @property
    def log(self) -> Path:
        return self.directory / "lab.log"

    @property
    def secret(self) -> Path:
        return self.directory / "secret"

    @property
    def certificates(self) -> Path:
        return self.directory / "certificates"

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    def prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def topology(self, given: Path | None) -> Topology:
        """The given file, else the one this lab was started with last, else the example. Raises AP-LAB-001."""
        kept = self.directory / "topology.toml"
        try:
            if given is not None:
                text = given.read_text(encoding="utf-8")
            else:
                text = kept.read_text(encoding="utf-8") if kept.exists() else EXAMPLE
        except (OSError, UnicodeDecodeError) as error:
            raise BROKEN_TOPOLOGY.error(f"{given}: {error}") from error
        topology = parse(text)
        self.prepare()
        kept.write_text(text, encoding="utf-8")
        return topology

    def passwords(self, userids: list[str]) -> dict[str, str]:
        """Generated once and kept, so that a restarted lab has the same people."""
        path = self.directory / "passwords.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        for userid in userids:
            known.setdefault(userid, "".join(secrets.choice(_READABLE) for _ in range(16)))
        write_private(path, json.dumps(known, indent=1))
        return known

    def write_environment(self, environment: LabEnvironment) -> None:
        write_private(self.directory / "lab.json", json.dumps(environment.as_json(), indent=1))

    def forget_environment(self) -> None:
        (self.directory / "lab.json").unlink(missing_ok=True)

    def environment(self) -> LabEnvironment | None:
        """Of the lab that runs here; None when none does."""
        try:
            said = json.loads((self.directory / "lab.json").read_text())
            said.pop("schema")
            said["users"] = tuple(DemoUser(**user) for user in said["users"])
            said["listeners"] = tuple((row[0], row[1], row[2]) for row in said["listeners"])
            environment = LabEnvironment(**said)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None
        return environment if is_running(environment.pid, self.directory) else None

    def reset(self) -> None:
        """Forget everything but the topology. Raises AP-LAB-005 where no lab has been."""
        if not self.store.exists():
            raise NO_LAB.error(str(self.directory))
        for path in sorted(self.directory.rglob("*"), reverse=True):
            if path.name == "topology.toml" and path.parent == self.directory:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()

    def last_log_lines(self, count: int = 5) -> str:
        try:
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
        except OSError:
            return ""


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, for its owner alone."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    new.rename(path)


def is_running(pid: int, directory: Path) -> bool:
    """The process is there and is a lab of this directory, not another program that got its number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True  # no /proc on this system: the number has to do
    return any(b"antiphon" in word for word in words)
