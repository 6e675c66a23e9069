from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from antiphon.client.credentials import FileStore
from antiphon.client.environment import Environment
from antiphon.client.oauth import Endpoints, Tokens
from antiphon.client.record import Records, SignIn
from antiphon.kernel.errors import DomainError


def sign_in(address: str) -> SignIn:
    return SignIn(
        address,
        address.partition("@")[0],
        "example.test",
        "https://cucm1.example.test:8443",
        Endpoints("https://cucm1.example.test:8443", "https://cucm1.example.test:8443/ssosp/oauth/token"),
        Tokens("access", 1000.0, "refresh", 2000.0, "scope"),
        Environment.parse("127.0.0.1:5300", "/tmp/ca.pem"),
    )


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Records(FileStore(tmp_path / "store"))


def test_a_sign_in_is_read_back_whole() -> None:
    record = sign_in("alice@example.test")
    assert SignIn.from_bytes(record.as_bytes()) == record


def test_the_last_one_signed_in_is_the_current_one(records: Records) -> None:
    with pytest.raises(DomainError, match="AP-CLIENT-001"):
        records.load()
    records.save(sign_in("alice@example.test"), make_current=True)
    records.save(sign_in("bob@example.test"), make_current=True)
    assert records.load().userid == "bob"
    assert records.load("Alice@example.test").userid == "alice"
    records.remove("bob@example.test")
    with pytest.raises(DomainError, match="AP-CLIENT-001"):
        records.load()


@pytest.mark.parametrize("damaged", [b"", b"[]", b"{}", b'{"version": 99}'])
def test_a_damaged_record_asks_to_sign_in_again(damaged: bytes) -> None:
    with pytest.raises(DomainError, match="AP-CLIENT-009"):
        SignIn.from_bytes(damaged)


def test_tokens_are_not_shown_when_they_are_printed() -> None:
    assert "access" not in repr(sign_in("alice@example.test").tokens)


async def test_one_at_a_time_renews(records: Records) -> None:
    order: list[str] = []
    inside = asyncio.Event()

    async def first() -> None:
        async with records.locked():
            inside.set()
            await asyncio.sleep(0)
            order.append("first")

    async def second() -> None:
        await inside.wait()
        async with records.locked():
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]
