"""How long a conversation over a whole node takes in virtual time.

    python -m bench.scenario [--rounds N]

Plays every scenario file N times, over leg events and the presence engine, and over SIP and XMPP in bytes, and prints
the median in milliseconds. The house asks for less than 50 ms a scenario.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

from tests.scenarios.engine.contacts import EngineContacts
from tests.scenarios.engine.leg_phones import LegPhones
from tests.scenarios.engine.script import Script
from tests.scenarios.engine.sip_phones import SipPhones
from tests.scenarios.engine.world import Contacts, Phones, World
from tests.scenarios.engine.xmpp_contacts import XmppContacts

LIMIT_MS = 50.0
SCENARIOS = Path(__file__).parent.parent / "tests" / "scenarios"
ADAPTERS: tuple[tuple[type[Phones], type[Contacts]], ...] = (
    (LegPhones, EngineContacts),
    (SipPhones, XmppContacts),
)


def milliseconds(script: Script, phones: type[Phones], contacts: type[Contacts], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        script.play(World(phones(), contacts()))
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    slowest = 0.0
    for path in sorted(SCENARIOS.glob("*.scenario")):
        script = Script.read(path)
        figures = {
            f"{phones.name}-{contacts.name}": milliseconds(script, phones, contacts, rounds)
            for phones, contacts in ADAPTERS
        }
        slowest = max(slowest, *figures.values())
        print("  ".join(f"{name} {figure:6.1f} ms" for name, figure in figures.items()), "", path.stem)
    print(f"slowest {slowest:.1f} ms, limit {LIMIT_MS:.0f} ms")
    return 0 if slowest < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
