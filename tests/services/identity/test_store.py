"""Identity's tables on every store that it may be kept in."""

from __future__ import annotations

import pytest

from antiphon.io.clock import SystemRandom
from antiphon.io.database import Database
from antiphon.services.identity import SCHEMA, store
from antiphon.services.identity.keys import KeyRing
from antiphon.services.identity.sealing import Sealing
from antiphon.services.identity.sessions import Reused, Session, Sessions
from antiphon.services.identity.store import IdentityStore


@pytest.fixture
async def kept(database: Database) -> IdentityStore:
    await database.upgrade(SCHEMA)
    return IdentityStore(database)


def session(session_id: str, userid: str = "alice") -> Session:
    return Session(session_id, userid, "antiphon-cli", "scope", "password", 1.0, 1000.0)


async def test_putting_twice_replaces(kept: IdentityStore) -> None:
    for value in ("1", "2"):
        await kept.put(store.settings, name="access_token_minutes", value=value)
    assert await kept.rows(store.settings) == [{"name": "access_token_minutes", "value": "2"}]


async def test_a_generation_is_spent_by_one_node_only(kept: IdentityStore) -> None:
    nodes = [Sessions(kept, b"key"), Sessions(kept, b"key")]
    first = session("s1")
    await nodes[0].start(first)
    token = nodes[0].refresh_token(first)
    rotated = await nodes[1].rotate(token, "antiphon-cli", 10.0, 0)
    assert rotated.generation == 1
    with pytest.raises(Reused):
        await nodes[0].rotate(token, "antiphon-cli", 10.0, 0)


async def test_ending_the_sign_ins_of_a_user_leaves_the_others_and_denies_their_tokens(
    kept: IdentityStore,
) -> None:
    sessions = Sessions(kept, b"key")
    for each in (session("s1"), session("s2"), session("s3", "bob")):
        await sessions.start(each)
    assert set(await kept.end_sessions("alice", (), 500.0)) == {"s1", "s2"}
    assert [row["session_id"] for row in await kept.rows(store.sessions)] == ["s3"]
    assert await kept.end_sessions("", ("s3", "unknown"), 600.0) == ("s3",)
    denied = {(row["kind"], row["value"], row["until"]) for row in await kept.rows(store.revocations)}
    assert denied == {
        ("sid", "s1", 500.0),
        ("sid", "s2", 500.0),
        ("sid", "s3", 600.0),
        ("sid", "unknown", 600.0),
    }
    await kept.prune(550.0)
    assert {row["value"] for row in await kept.rows(store.revocations)} == {"s3", "unknown"}


async def test_the_ring_of_keys_survives_and_forgets_in_time(kept: IdentityStore) -> None:
    sealing = Sealing(b"s" * 32, SystemRandom())
    ring = KeyRing(kept, sealing)
    await ring.load(1.0)
    old = ring.signing.kid
    await ring.rotate(2.0, verify_until=100.0)
    again = KeyRing(kept, sealing)
    await again.load(50.0)
    assert again.signing.kid == ring.signing.kid != old
    assert set(again.verifying) == {old, ring.signing.kid}
    await kept.prune(101.0)
    await again.load(101.0)
    assert set(again.verifying) == {ring.signing.kid}
