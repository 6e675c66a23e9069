"""Registrations survive the end of the process, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from antiphon.io.clock import LoopTime
from antiphon.io.database import open_database
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.services.registrar.binding import ContactRequest, Outcome, RegisterRequest
from antiphon.services.registrar.journal import Journal
from antiphon.services.registrar.service import Registrar
from antiphon.services.registrar.store import SCHEMA, SqlBindingStore

PHONES = 200


def request(number: int, cseq: int) -> RegisterRequest:
    contact = ContactRequest(f"sip:{number}@192.0.2.1", f"<urn:uuid:{number}>")
    return RegisterRequest(f"{number}", f"CSF{number}", (contact,), f"c{number}", cseq, None, "udp")


async def life(path: str) -> None:
    """Phones register and refresh for ever; a line is printed when the first registrations are in the store."""
    database = open_database(f"sqlite:///{path}")
    await database.upgrade(SCHEMA)
    timers, tasks = LoopTime(), LoopTasks()
    registrar = Registrar(
        timers, LocalBus(), Journal(SqlBindingStore(database), timers, tasks, delay_s=0.001)
    )
    for number in range(PHONES):
        registrar.register(request(number, 1))
    await tasks.drain()
    print("stored", flush=True)
    for cseq in range(2, 1_000_000):
        for number in range(PHONES):
            registrar.register(request(number, cseq))
        await asyncio.sleep(0.001)


async def test_registrations_are_there_after_sigkill_in_the_middle_of_refreshes(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(path), stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
    )
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 30)).strip() == b"stored"
    os.kill(process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL

    database = open_database(f"sqlite:///{path}")
    await database.upgrade(SCHEMA)
    registrar = Registrar(LoopTime(), LocalBus())
    assert await registrar.restore(SqlBindingStore(database)) == PHONES
    assert all(binding.reachable for binding in registrar.all())
    assert registrar.register(request(7, 1_000_000)).outcome is Outcome.OK
    await database.dispose()


if __name__ == "__main__":
    asyncio.run(life(sys.argv[1]))
