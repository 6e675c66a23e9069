from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.io.password_hash import Argon2
from antiphon.io.secret_file import read_or_make_secret
from antiphon.kernel.errors import DomainError


@pytest.fixture
def argon2() -> Iterator[Argon2]:
    made = Argon2()
    yield made
    made.close()


async def test_a_hash_is_argon2id_with_the_chosen_cost_and_matches_only_its_password(argon2: Argon2) -> None:
    encoded = await argon2.make("secret")
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await argon2.matches(encoded, "secret")
    assert not await argon2.matches(encoded, "Secret")
    assert not await argon2.matches("nonsense", "secret")


async def test_a_cheaper_hash_is_outdated(argon2: Argon2) -> None:
    cheap = Argon2(memory_kib=64)
    encoded = await cheap.make("secret")
    cheap.close()
    assert argon2.outdated(encoded)
    assert not argon2.outdated(await argon2.make("secret"))


async def test_the_loop_goes_on_while_passwords_are_hashed(argon2: Argon2) -> None:
    before = threading.active_count()
    hashing = asyncio.ensure_future(argon2.make("secret"))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
    assert threading.active_count() <= before + 2


async def test_more_than_may_wait_are_refused_and_told_when_to_come_back() -> None:
    small = Argon2(workers=1, waiting=1, memory_kib=64)
    results = await asyncio.gather(*(small.make("secret") for _ in range(5)), return_exceptions=True)
    small.close()
    refused = [result for result in results if isinstance(result, DomainError)]
    assert len(refused) == 3
    assert {(error.code, error.retry_after_s) for error in refused} == {("AP-ID-003", 2.0)}


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "identity.secret"
    first = read_or_make_secret(path)
    assert len(first) == 32
    assert read_or_make_secret(path) == first
    path.chmod(0o644)
    assert read_or_make_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
