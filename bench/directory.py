"""What the directory costs with 5,000 users: load, search, look-up, change, import. Prints one line a figure.

Run: python bench/directory.py [USERS] [DATABASE-URL]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

from antiphon.io.clock import SystemRandom
from antiphon.io.database import open_database
from antiphon.kernel.bus import LocalBus
from antiphon.model import Device, DeviceLine, Line, User
from antiphon.services.directory.memory import Entry
from antiphon.services.directory.service import Directory

FIRST = [
    "Alice",
    "Björn",
    "Chloé",
    "Dmitri",
    "Emma",
    "Fatima",
    "Gregor",
    "Hana",
    "Iván",
    "Jun",
    "Kim",
    "Lucas",
    "Mei",
]
LAST = [
    "Ng",
    "Smith",
    "Müller",
    "García",
    "Tanaka",
    "Petit",
    "Kowalski",
    "Okafor",
    "Lindqvist",
    "Rossi",
    "Park",
]


def people(count: int) -> list[Entry]:
    draw = random.Random(1)
    users: list[Entry] = []
    lines: list[Entry] = []
    devices: list[Entry] = []
    for number in range(count):
        userid, dn = f"user{number:05}", str(100_000 + number)
        first, last = draw.choice(FIRST), f"{draw.choice(LAST)}{number}"
        users.append(User(userid, "", first, last, f"{first} {last}", f"{userid}@example.test", telephone=dn))
        lines.append(Line(dn, "", owner=userid))
        devices.append(Device(f"CSF{userid.upper()}", "", owner=userid, lines=(DeviceLine(dn),)))
    return [*users, *lines, *devices]


def per_call(name: str, work: Callable[[int], object], count: int) -> None:
    start = time.process_time()
    for number in range(count):
        work(number)
    print(f"{name:<44} {(time.process_time() - start) / count * 1e6:10.1f} µs CPU")


async def main(count: int, url: str) -> None:
    database = open_database(url)
    directory = Directory(database, LocalBus(), SystemRandom())
    await directory.load()
    start = time.perf_counter()
    await directory.put_all(people(count))
    print(f"{f'add {count} users, lines and devices at once':<44} {time.perf_counter() - start:10.2f} s")
    again = Directory(database, LocalBus(), SystemRandom())
    start = time.perf_counter()
    await again.load()
    print(f"{'load them all at start':<44} {time.perf_counter() - start:10.2f} s")

    per_call("look up a user", lambda n: again.user(f"user{n % count:05}"), 20_000)
    per_call("devices with a line", lambda n: again.devices_with_line(str(100_000 + n % count)), 20_000)
    per_call("search, one letter, page of 64", lambda n: again.search("abcdefghijklm"[n % 13]), 300)
    per_call("search, exact beginning", lambda n: again.search(f"smith{n}"), 2_000)
    per_call("search, first and last name", lambda n: again.search(f"alice ng{n}"), 2_000)
    alice = again.user("user00001")
    assert alice is not None
    start = time.process_time()
    for number in range(300):
        await again.put_user(replace(alice, title=str(number)))
    print(f"{'change a user, written through':<44} {(time.process_time() - start) / 300 * 1e6:10.1f} µs CPU")
    await database.dispose()


if __name__ == "__main__":
    users = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as directory_path:
        store = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{directory_path}/store.db"
        asyncio.run(main(users, store))
