"""Proof 6: CPU per operation beside a peer's, from the same run.

    python bench/peers.py chat|register|call [--rounds 3] [--secs 3] [--json FILE]

Uses the load generators and peer configurations of the project's load harness (`ANTIPHON_HARNESS`, else `shared/bench`
beside the checkout): C programs that count server CPU (utime + stime of the process tree) per operation. Server on CPU 0,
load on CPU 1, rounds interleaved; the lowest CPU of the rounds counts, since other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "bench" / "run"
CHAT = ["--phases", "login,ramp,msg", "--users", "126", "--window", "4", "--conc", "8"]
REGISTER = ["--phases", "register,refresh,reginit", "--users", "200", "--window", "16"]
CALL = ["--phases", "register,call", "--users", "200", "--window", "16"]
SUITES: dict[str, list[tuple[str, str, str, list[str]]]] = {
    # (what the rows are called, load program, peer, arguments)
    "chat": [
        ("plain", "xmppload", "ejabberd", ["--tls", "none", *CHAT]),
        ("TLS", "xmppload", "ejabberd", ["--tls", "direct", *CHAT]),
    ],
    "register": [
        ("UDP", "sipload", "kamailio", ["--transport", "udp", *REGISTER]),
    ],
    "call": [("UDP", "sipload", "kamailio", ["--transport", "udp", *CALL])],
}


def harness() -> Path:
    """The harness, copied where it may be written to, and built."""
    source = Path(os.environ.get("ANTIPHON_HARNESS", ROOT.parent / "shared" / "bench"))
    if not (source / "bench.py").exists():
        sys.exit(f"no load harness in {source}; set ANTIPHON_HARNESS")
    copy = RUN / "harness"
    if not (copy / "src" / "xmppload").exists():
        shutil.copytree(source, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
        subprocess.run(["make", "-s", "-C", str(copy / "src")], check=True)
    return copy


@contextmanager
def node(load: str) -> Iterator[dict[str, int]]:
    """Our node, pinned like the peers."""
    accounts = ["--accounts", "u%d"] if load == "xmppload" else []
    command = [
        "taskset",
        "-c",
        "0",
        "nice",
        "-n",
        "-5",
        sys.executable,
        str(ROOT / "bench" / "node.py"),
        *accounts,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def measure_ours(tools: Path, load: str, arguments: list[str]) -> list[dict[str, Any]]:
    with node(load) as ours:
        secure = "direct" in arguments or "tls" in arguments
        port = ours[("xmpp" if load == "xmppload" else "sip") + ("_tls" if secure else "")]
        command = ["taskset", "-c", "1", "nice", "-n", "-5", str(tools / "src" / load)]
        command += ["--host", "127.0.0.1", "--port", str(port), "--pid", str(ours["pid"]), *arguments]
        if load == "sipload":
            command += ["--user", "1%05d"]
        output = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def measure_peer(tools: Path, load: str, peer: str, arguments: list[str]) -> list[dict[str, Any]]:
    kind = "xmpp" if load == "xmppload" else "sip"
    if kind == "xmpp":
        arguments = [
            "--phases",
            "register," + arguments[arguments.index("--phases") + 1],
            *without(arguments, "--phases"),
        ]
    command = [sys.executable, "bench.py", kind, f"{peer}@0", "--", *arguments]
    output = subprocess.run(
        command, cwd=tools, capture_output=True, text=True, timeout=300, check=True
    ).stdout
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def without(arguments: list[str], name: str) -> list[str]:
    at = arguments.index(name)
    return arguments[:at] + arguments[at + 2 :]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", default="3")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    RUN.mkdir(exist_ok=True)
    tools = harness()
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for _ in range(options.rounds):
        for name, load, peer, arguments in SUITES[options.suite]:
            arguments = [*arguments, "--secs", options.secs]
            for server, rows in (
                ("antiphon", measure_ours(tools, load, arguments)),
                (peer, measure_peer(tools, load, peer, arguments)),
            ):
                for row in rows:
                    found.setdefault((row["phase"], name, server), []).append(row)
    report = [summary(key, rows) for key, rows in found.items() if "srv_cpu_us_per_op" in rows[0]]
    for row in sorted(report, key=lambda row: (row["phase"], row["transport"], row["server"])):
        print(
            f"{row['phase']:9} {row['transport']:5} {row['server']:9} {row['cpu_us']:9.1f} us/op "
            f"(median {row['cpu_us_median']:.1f})  {row['rate']:9.0f}/s  failures {row['failures']}"
        )
    if options.json:
        stamp = time.strftime("%Y-%m-%d")
        options.json.write_text(
            json.dumps({"date": stamp, "command": sys.argv[1:], "rows": report}, indent=1) + "\n"
        )


def summary(key: tuple[str, str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    phase, transport, server = key
    cpu = [float(row["srv_cpu_us_per_op"]) for row in rows]
    rates = [next(value for name, value in row.items() if name.endswith("_per_s")) for row in rows]
    return {
        "phase": phase,
        "transport": transport,
        "server": server,
        "cpu_us": round(min(cpu), 1),
        "cpu_us_median": round(statistics.median(cpu), 1),
        "rate": round(max(rates)),
        "rounds": len(rows),
        "failures": sum(int(row.get("failed", 0)) + int(row.get("lost", 0)) for row in rows),
    }


if __name__ == "__main__":
    main()
