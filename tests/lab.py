"""A whole lab as another process, for tests that talk to it from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from antiphon.roles.topology import EXAMPLE

START_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningLab:
    """`antiphon lab up` in its own process, on loopback addresses of its own so that labs can run side by side."""

    def __init__(self, directory: Path, number: int) -> None:
        self.directory = directory
        self.call_address = f"127.{20 + number}.1.1"
        self.im_address = f"127.{20 + number}.2.1"
        self._process: subprocess.Popen[str] | None = None
        self.environment: dict[str, Any] = {}
        topology = EXAMPLE.replace("127.0.1.1", self.call_address).replace("127.0.2.1", self.im_address)
        topology = topology.replace("127.0.0.1:10053", f"127.0.0.1:{free_port()}")
        topology = topology.replace("127.0.0.1:10054", f"127.0.0.1:{free_port()}")
        # Further people, so that tests that share a lab do not ring each other's phones.
        for index, name in enumerate(("dave", "erin", "frank", "grace", "heidi", "ivan")):
            topology += (
                f'[[user]]\nuserid = "{name}"\nfirst_name = "{name.title()}"\nline = "{1004 + index}"\n'
            )
        self.topology = directory / "given.toml"
        self.topology.write_text(topology)

    def start(self) -> None:
        command = [sys.executable, "-m", "antiphon.cli.main", "lab", "up", "--json"]
        command += ["--dir", str(self.directory), "--topology", str(self.topology)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            process, self._process = self._process, None
            raise RuntimeError(f"the lab did not start: {process.communicate()[1]}\n{self.log()}")
        self.environment = json.loads(line)

    def stop(self) -> None:
        self.end(signal.SIGTERM)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait; the exit code, negative for a process that the signal killed."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        process.communicate(timeout=20)
        return process.returncode

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        path = self.directory / "lab.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def codes(self) -> list[str]:
        """The error codes in the log so far."""
        return [row["code"] for row in map(json.loads, self.log().splitlines()) if "code" in row]

    def user(self, userid: str) -> dict[str, Any]:
        return next(user for user in self.environment["users"] if user["userid"] == userid)

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.environment["ca_file"])

    def metric(self, name: str) -> float:
        """A metric without labels, from the call node's /metrics."""
        context = self.tls()
        context.check_hostname = False  # the node is asked by address
        with urllib.request.urlopen(
            f"https://{self.call_address}:8443/metrics", timeout=10, context=context
        ) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.rpartition(" ")[2])
        raise KeyError(name)

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cli(
        self, *words: str, state: Path, timeout: float = 30.0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run `antiphon …` as a person would, with sign-ins kept in `state`."""
        return subprocess.run(
            [sys.executable, "-m", "antiphon.cli.main", *words],
            env=self.client_environment(state),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **options,
        )

    def client_environment(self, state: Path) -> dict[str, str]:
        return {
            **os.environ,
            "XDG_STATE_HOME": str(state),
            "XDG_CONFIG_HOME": str(state),
            "XDG_CACHE_HOME": str(state),
            "ANTIPHON_RESOLVER": self.environment["resolver"],
            "ANTIPHON_CA_FILE": self.environment["ca_file"],
            "ANTIPHON_LAB": str(self.directory),
            "LANGUAGE": "en",
        }


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something outside this process that gives no event of its own."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not true within {seconds} s")
        time.sleep(0.05)
