"""What a token costs: bytes on the wire, signing, verifying cold and from memory; ES256 beside RS256 and nested JWE.

Run: python bench/token_verify.py [ROUNDS]. Prints one line a figure; CPU time, best of five.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joserfc import jwe, jws
from joserfc.jwk import OctKey, RSAKey

from antiphon.io.clock import LoopTime, SystemRandom
from antiphon.io.database import open_database
from antiphon.io.password_hash import Argon2
from antiphon.io.tasks import LoopTasks
from antiphon.kernel.bus import LocalBus
from antiphon.model import User
from antiphon.protocols.oauth.clients import SCOPE
from antiphon.services.identity import SCHEMA, Identity

ISSUER = "https://cucm1.example.test:8443"
ALICE = User("alice", "1")
PASSWORD = "correct horse battery"


class One:
    """A directory of one."""

    def user(self, userid: str) -> User | None:
        return ALICE if userid == "alice" else None

    def user_by_mail(self, _: str) -> User | None:
        return None


def cost_us(work: Callable[[], Any], rounds: int) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(rounds):
            work()
        best = min(best, (time.process_time() - started) / rounds * 1e6)
    return best


def line(name: str, value: float, unit: str) -> None:
    print(f"{name:<44} {value:>9.2f} {unit}")


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory) / 'identity.db'}")
        await database.upgrade(SCHEMA)
        hashing = Argon2()
        identity = Identity(
            database=database,
            users=One(),
            hashing=hashing,
            timers=LoopTime(),
            random=SystemRandom(),
            bus=LocalBus(),
            tasks=LoopTasks(),
            secret=b"s" * 32,
            issuer=ISSUER,
            audience="example.test",
        )
        await identity.start()
        try:
            await measure(identity, rounds)
        finally:
            identity.stop()
            hashing.close()
            await database.dispose()


async def measure(identity: Identity, rounds: int) -> None:
    tokens = await identity.issue("alice", "antiphon-cli", SCOPE)
    token = tokens.access_token
    line("access token, ES256 (ours)", len(token), "bytes")
    line("refresh token", len(tokens.refresh_token), "bytes")
    identity.verify_token(token)
    line(
        "verify, remembered, same text object",
        cost_us(lambda: identity.verify_token(token), rounds * 100),
        "µs",
    )
    raw = token.encode()
    line(
        "decode from wire bytes and verify, remembered",
        cost_us(lambda: identity.verify_token(raw.decode()), rounds * 100),
        "µs",
    )

    def cold() -> None:
        identity._verification.forget_all()
        identity.verify_token(token)

    line("verify, cold", cost_us(cold, rounds), "µs")
    key = identity.keys.signing
    claims = jws.deserialize_compact(token, key, algorithms=["ES256"]).payload
    header = {"typ": "at+jwt", "kid": key.kid}
    line(
        "sign, ES256",
        cost_us(lambda: jws.serialize_compact({"alg": "ES256", **header}, claims, key), rounds),
        "µs",
    )
    rsa = RSAKey.generate_key(2048)
    other = jws.serialize_compact({"alg": "RS256", **header}, claims, rsa)
    line("access token, RS256", len(other), "bytes")
    line(
        "sign, RS256",
        cost_us(lambda: jws.serialize_compact({"alg": "RS256", **header}, claims, rsa), rounds),
        "µs",
    )
    line(
        "verify, RS256, cold",
        cost_us(
            lambda: json.loads(jws.deserialize_compact(other, rsa, algorithms=["RS256"]).payload), rounds
        ),
        "µs",
    )
    secret = OctKey.generate_key(256)
    nested = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}, token, secret)
    line("nested: ES256 inside A256GCM", len(nested), "bytes")
    await identity.set_password("alice", PASSWORD)
    started = time.perf_counter()
    await identity.verify_password("alice", PASSWORD)
    line("password, Argon2id, first time (elapsed)", (time.perf_counter() - started) * 1e3, "ms")
    started = time.perf_counter()
    for _ in range(rounds):
        await identity.verify_password("alice", PASSWORD)
    line("password, remembered", (time.perf_counter() - started) / rounds * 1e6, "µs")
    line(
        "H(A1) for SIP digest",
        cost_us(lambda: identity.digest_ha1("alice", "ccmsipline", "MD5"), rounds * 100),
        "µs",
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
