from __future__ import annotations

import pytest

from antiphon.kernel.errors import DomainError
from antiphon.services.identity.limiter import FORGET_AFTER_S, Limiter


def fail(limiter: Limiter, userid: str, source: str, now: float) -> float:
    """The wait that was asked for; 0 when the attempt was let through."""
    try:
        limiter.attempt(userid, source, now)
    except DomainError as error:
        return error.retry_after_s or 0.0
    return 0.0


def test_the_delay_doubles_up_to_a_quarter_of_an_hour() -> None:
    limiter, now, waits = Limiter(), 0.0, []
    for _ in range(5):
        assert fail(limiter, "alice", "", now) == 0
    for _ in range(12):
        assert fail(limiter, "alice", "", now) == 0
        waits.append(fail(limiter, "alice", "", now))
        now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_names_that_do_not_exist_are_limited_alike() -> None:
    limiter = Limiter()
    for name in ("alice", "nobody"):
        assert [fail(limiter, name, "x", 0.0) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 1]


def test_one_source_cannot_try_one_password_on_every_user() -> None:
    limiter = Limiter()
    waits = [fail(limiter, f"user{number}", "192.0.2.1", 0.0) for number in range(100)]
    assert waits[60] == 0
    assert all(wait > 0 for wait in waits[61:])
    assert fail(limiter, "user1", "192.0.2.2", 0.0) == 0


def test_many_sources_cannot_lock_out_the_owner_at_a_known_source() -> None:
    limiter = Limiter()
    limiter.attempt("alice", "home", 0.0)
    limiter.succeeded("alice", "home")
    waits = [fail(limiter, "alice", f"bot{number}", 1.0) for number in range(60)]
    assert waits[-1] > 0
    assert fail(limiter, "alice", "home", 1.0) == 0


def test_success_and_an_hour_of_quiet_start_anew() -> None:
    limiter = Limiter()
    for _ in range(6):
        fail(limiter, "alice", "x", 0.0)
    assert fail(limiter, "alice", "x", FORGET_AFTER_S + 1) == 0
    limiter.succeeded("alice", "x")
    assert [fail(limiter, "alice", "x", 9999.0) for _ in range(6)] == [0] * 6


def test_memory_is_bounded() -> None:
    limiter = Limiter(capacity=100)
    for number in range(10_000):
        fail(limiter, f"user{number}", f"192.0.2.{number}", float(number))
    assert len(limiter._counts) <= 100


@pytest.mark.parametrize("parallel", [10, 100])
def test_parallel_guesses_count_before_their_outcome_is_known(parallel: int) -> None:
    limiter = Limiter()
    let_through = sum(fail(limiter, "alice", "x", 0.0) == 0 for _ in range(parallel))
    assert let_through == 6


def test_the_addresses_of_one_ipv6_network_are_one_source() -> None:
    limiter = Limiter()
    waits = [fail(limiter, "alice", f"2001:db8::{number:x}", 0.0) for number in range(8)]
    assert waits[-1] > 0
    assert fail(limiter, "alice", "2001:db8:0:1::1", 0.0) == 0
    assert fail(limiter, "bob", "no:address", 0.0) == 0
