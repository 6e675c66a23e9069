"""What a REGISTER refresh costs in the registrar alone: without parsing, proof or answer.

    python -m bench.registrar [--bindings N]

The refresh is marked for the store as in a node; the limit is 3 µs.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from antiphon.kernel.bus import LocalBus
from antiphon.kernel.time import VirtualTime
from antiphon.services.registrar.binding import ContactRequest, RegisterRequest
from antiphon.services.registrar.journal import Journal
from antiphon.services.registrar.ports import StoredBinding
from antiphon.services.registrar.service import Registrar

LIMIT_US = 3.0
ROUNDS = 20


class NoTasks:
    def spawn(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        coro.close()


class NoStore:
    async def load(self) -> Sequence[StoredBinding]:
        return ()

    async def write(
        self, upserts: Sequence[StoredBinding], removals: Sequence[tuple[str, str, int]]
    ) -> None: ...


def requests(bindings: int, flows: Sequence[object], token_expires: float) -> list[RegisterRequest]:
    return [
        RegisterRequest(
            aor=str(number),
            device=f"CSF{number}",
            contacts=(ContactRequest(f"sip:{number}@192.0.2.1", f"<urn:uuid:{number}>"),),
            call_id=f"call{number}",
            cseq=cseq,
            flow=flows[number],
            transport="tls",
            expires_s=3600,
            token_expires=token_expires,
        )
        for cseq in range(1, ROUNDS + 1)
        for number in range(bindings)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bindings", type=int, default=2000)
    bindings = parser.parse_args().bindings
    timers = VirtualTime()
    registrar = Registrar(timers, LocalBus(), Journal(NoStore(), timers, NoTasks()))
    flows = [object() for _ in range(bindings)]
    everything = requests(bindings, flows, timers.wall() + 3600)
    first, refreshes = everything[:bindings], everything[bindings:]
    for request in first:
        registrar.register(request)
    gc.collect()
    gc.freeze()
    started = time.process_time()
    for request in refreshes:
        registrar.register(request)
    each = (time.process_time() - started) / len(refreshes) * 1e6
    print(f"refresh {each:.2f} us CPU, {bindings} bindings, limit {LIMIT_US:.0f} us")
    return 0 if each < LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
