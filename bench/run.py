"""`make bench`: the project's benchmarks, one after the other, results dated in bench/results/.

Each line printed is a figure with the command that measured it; benchmarks with a peer measure it in the same run. CPU per
operation is the figure to compare: rates and latencies depend on what else the machine does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
ALONE = [
    ("driver_echo", ["driver_echo.py", "--rounds", "3", "--secs", "2"]),
    ("xmpp_route", ["xmpp_route_inprocess.py"]),
    ("messaging_route", ["messaging_route.py"]),
    ("sip_register", ["sip_register_inprocess.py"]),
    ("registrar", ["registrar.py"]),
    ("token_verify", ["token_verify.py"]),
    ("directory", ["directory.py"]),
    ("scenario", ["scenario.py"]),
]
BESIDE_PEERS = [
    ("chat", ["peers.py", "chat"], "ejabberdctl"),
    ("register", ["peers.py", "register"], "kamailio"),
    ("call", ["peers.py", "call"], "kamailio"),
]


def main() -> None:
    RESULTS.mkdir(exist_ok=True)
    stamp = time.strftime("%Y-%m-%d")
    failed = []
    for name, command in ALONE:
        failed += run(name, command, stamp)
    for name, command, peer in BESIDE_PEERS:
        if shutil.which(peer) is None:
            print(f"{name}: left out, {peer} is not installed", flush=True)
            continue
        failed += run(name, command, stamp)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def run(name: str, command: list[str], stamp: str) -> list[str]:
    print(f"== {' '.join(['python', f'bench/{command[0]}', *command[1:]])}", flush=True)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    result = subprocess.run(
        [sys.executable, str(HERE / command[0]), *command[1:]],
        cwd=HERE.parent, env=environment, stdout=subprocess.PIPE, text=True, timeout=900, check=False,
    )  # fmt: skip
    print(result.stdout, flush=True)
    if result.returncode:
        return [name]
    head = f"$ python bench/{' '.join(command)}\n"
    (RESULTS / f"{stamp}-{name}.txt").write_text(head + result.stdout)
    return []


if __name__ == "__main__":
    main()
