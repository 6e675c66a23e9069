"""The sentences a scenario is made of. A sentence that nobody knows is an error, not a comment.

Who: a number is a phone; `alice` or `bob@example.test` is a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from tests.scenarios.engine.phone import Phone, Session, State, talk
from tests.scenarios.engine.world import World

Step: TypeAlias = Callable[..., None]

SENTENCES: list[tuple[re.Pattern[str], Step]] = []
NUMBER = r"[0-9*#]+"
PERSON = r"[a-z]+(?:@[a-z.]+)?"


class Unmet(AssertionError):
    """What a line says is not the case."""


def sentence(form: str) -> Callable[[Step], Step]:
    """`<name>` is a number, `<name:word>` a word of letters, `<name:text>` anything, `<name:person>` a person."""
    kinds = {"word": r"[a-z]+", "text": r".+", "person": PERSON, "": NUMBER}

    def place(match: re.Match[str]) -> str:
        return f"(?P<{match['name']}>{kinds[match['kind'] or '']})"

    pattern = re.compile(re.sub(r"<(?P<name>\w+)(?::(?P<kind>\w+))?>", place, form) + r"\Z")

    def keep(step: Step) -> Step:
        SENTENCES.append((pattern, step))
        return step

    return keep


def find(line: str) -> tuple[Step, dict[str, str]] | None:
    for pattern, step in SENTENCES:
        match = pattern.match(line)
        if match:
            return step, match.groupdict()
    return None


def phone_of(world: World, number: str) -> Phone:
    if number not in world.phones:
        raise Unmet(f"there is no phone {number}")
    return world.phones[number]


def session_of(world: World, number: str, *states: State, other: str = "") -> Session:
    phone = phone_of(world, number)
    session = phone.session(*states, other=other)
    if session is None:
        wanted = " or ".join(state.value for state in states) + (f" with {other}" if other else "")
        raise Unmet(f"{number} is not {wanted}; {described(phone)}")
    return session


def described(phone: Phone) -> str:
    """What a phone is doing, for the one who reads the failure."""
    if not phone.sessions:
        return f"{phone.number} has had no call"
    return f"{phone.number}: " + ", ".join(
        f"{session.state.value} with {session.other}"
        + (f" hearing {session.hears}" if session.hears else "")
        + (f" (media {session.local} ↔ {session.remote})" if session.state is State.TALKING else "")
        for session in phone.sessions
    )


def must(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Unmet(otherwise)


# What is there before


@sentence("<user:word> has line <number>")
def has_line(world: World, user: str, number: str) -> None:
    world.line(user, number)


@sentence("<number> forwards all to <target>")
def forwards_all(world: World, number: str, target: str) -> None:
    world.change_line(number, forward_all=target)


@sentence("<number> forwards nothing any more")
def forwards_nothing(world: World, number: str) -> None:
    world.change_line(number, forward_all="", forward_busy="", forward_no_answer="")


@sentence("<number> forwards when busy to <target>")
def forwards_busy(world: World, number: str, target: str) -> None:
    world.change_line(number, forward_busy=target)


@sentence("<number> forwards when nobody answers to <target>")
def forwards_no_answer(world: World, number: str, target: str) -> None:
    world.change_line(number, forward_no_answer=target)


@sentence("<pilot> hunts <members:text>")
def hunts(world: World, pilot: str, members: str) -> None:
    world.change_line(pilot, hunt_members=tuple(re.findall(NUMBER, members)))


@sentence("<number> rings for <seconds> seconds at most")
def rings_for(world: World, number: str, seconds: str) -> None:
    world.change_line(number, no_answer_timeout_s=float(seconds))


@sentence("<number> takes <count> calls? at a time")
def takes(world: World, number: str, count: str) -> None:
    world.change_busy_trigger(number, int(count))


@sentence("<person:person> is signed in")
def is_signed_in(world: World, person: str) -> None:
    world.contacts.sign_in(world.owner(person))


@sentence("<person:person> watches <number>")
def watches(world: World, person: str, number: str) -> None:
    world.contacts.watch(person, world.owner(number))


@sentence("<number> is unplugged")
def is_unplugged(world: World, number: str) -> None:
    phone_of(world, number).unplug()


# What happens


@sentence("<number> calls <target>")
@sentence("<number> dials <target>")
def calls(world: World, number: str, target: str) -> None:
    phone_of(world, number).call(target)


@sentence("<number> answers")
def answers(world: World, number: str) -> None:
    phone_of(world, number).answer(session_of(world, number, State.RINGING))


@sentence("<number> makes an announcement")
def announces(world: World, number: str) -> None:
    phone_of(world, number).announce(session_of(world, number, State.RINGING))


@sentence("<number> rejects the call")
def rejects(world: World, number: str) -> None:
    phone_of(world, number).refuse(session_of(world, number, State.RINGING), 603)


@sentence("<number> says it is busy")
def says_busy(world: World, number: str) -> None:
    phone_of(world, number).refuse(session_of(world, number, State.RINGING), 486)


@sentence("<number> hangs up")
def hangs_up(world: World, number: str) -> None:
    phone_of(world, number).hang_up(session_of(world, number, State.TALKING))


@sentence("<number> hangs up on <other>")
def hangs_up_on(world: World, number: str, other: str) -> None:
    phone_of(world, number).hang_up(session_of(world, number, State.TALKING, other=other))


@sentence("<number> gives up")
def gives_up(world: World, number: str) -> None:
    phone_of(world, number).hang_up(session_of(world, number, State.CALLING))


@sentence("<number> puts <other> on hold")
def holds(world: World, number: str, other: str) -> None:
    phone_of(world, number).hold(session_of(world, number, State.TALKING, other=other), True)


@sentence("<number> takes <other> back")
def resumes(world: World, number: str, other: str) -> None:
    phone_of(world, number).hold(session_of(world, number, State.TALKING, other=other), False)


@sentence("<number> transfers <other> to <target>")
def transfers(world: World, number: str, other: str, target: str) -> None:
    phone_of(world, number).transfer(session_of(world, number, State.TALKING, other=other), target)


@sentence("<number> connects <other> with <target>")
def connects(world: World, number: str, other: str, target: str) -> None:
    first = session_of(world, number, State.TALKING, other=other)
    second = session_of(world, number, State.TALKING, State.CALLING, other=target)
    phone_of(world, number).connect(first, second)


@sentence("<seconds> seconds pass")
def pass_(world: World, seconds: str) -> None:
    world.wait(float(seconds))


# What is to be seen and heard


@sentence("<number> rings")
def rings(world: World, number: str) -> None:
    session_of(world, number, State.RINGING)


@sentence("<number> shows <name:text> calling")
def shows(world: World, number: str, name: str) -> None:
    session = session_of(world, number, State.RINGING)
    must(session.shown == name, f"{number} shows {session.shown!r}")


@sentence("<number> rings for calls to <diverted>")
def rings_instead(world: World, number: str, diverted: str) -> None:
    session = session_of(world, number, State.RINGING)
    must(diverted in session.diverted_by, f"{number} rings, diverted by {session.diverted_by}")


@sentence("<number> does not ring")
@sentence("<number> stops ringing")
def does_not_ring(world: World, number: str) -> None:
    phone = phone_of(world, number)
    must(phone.session(State.RINGING) is None, described(phone))


@sentence("<number> hears <what:text>")
def hears(world: World, number: str, what: str) -> None:
    phone = phone_of(world, number)
    heard = phone.sessions[-1].hears if phone.sessions else ""
    must(heard == what, f"{number} hears {heard or 'nothing'!r}; {described(phone)}")


@sentence("<number> talks to <other>")
def talks_to(world: World, number: str, other: str) -> None:
    one, two = phone_of(world, number), phone_of(world, other)
    must(talk(one, two), f"{described(one)}; {described(two)}")


@sentence("<number> is on hold")
def is_on_hold(world: World, number: str) -> None:
    session = session_of(world, number, State.TALKING)
    must(session.remote.direction in ("sendonly", "inactive"), described(session.phone))


@sentence("<number> is idle")
def is_idle(world: World, number: str) -> None:
    phone = phone_of(world, number)
    must(not any(session.live for session in phone.sessions), described(phone))


@sentence("<number> is told that the transfer <result:word>")
def is_told(world: World, number: str, result: str) -> None:
    phone = phone_of(world, number)
    results = [session.transfer for session in phone.sessions if session.transfer]
    must(bool(results) and results[-1] == result, f"{number} was told {results or 'nothing'}")


@sentence("<person:person> sees <number> <what:text>")
def sees(world: World, person: str, number: str, what: str) -> None:
    seen = world.contacts.seen(person, world.owner(number))
    must(seen == what, f"{person} sees {number} {seen}")


@sentence("the record says that <calling> called <called> and <answered> answered, <seconds> seconds")
def record_answered(world: World, calling: str, called: str, answered: str, seconds: str) -> None:
    wanted = (calling, called, answered, float(seconds))
    records = [(r.calling, r.called, r.answered_by, round(r.duration_s, 3)) for r in world.records]
    must(wanted in records, f"the records say {records}")


@sentence("the record says that <calling> called <called> and nobody answered")
def record_unanswered(world: World, calling: str, called: str) -> None:
    records = [(r.calling, r.called, r.answered_by) for r in world.records]
    must((calling, called, "") in records, f"the records say {records}")


@sentence("no call is left")
def nothing_left(world: World) -> None:
    must(world.calls.calls == (), f"left: {world.calls.calls}")
    must(world.legs == 0, f"the door still has {world.legs} legs")
