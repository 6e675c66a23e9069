"""What must never stand in a log: passwords, tokens, what people wrote."""

from __future__ import annotations

import re

from tests.lab import RunningLab

BODIES = ("question", "answer", "a message nobody else may read")
"""How every body that a system test sends begins."""
USED: set[str] = set()
"""Tokens that tests were given."""
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.")
_DIGEST_PROOF = re.compile(r"response=|nonce=|Digest username|\bPLAIN\b [A-Za-z0-9+/=]{8}")


def assert_log_is_clean(lab: RunningLab) -> None:
    log = lab.log()
    assert log, "the lab has logged nothing"
    for user in lab.environment["users"]:
        assert user["password"] not in log, f"the password of {user['userid']} is in the log"
    for token in USED:
        assert token not in log, "a token is in the log"
    for body in BODIES:
        assert f"{body} " not in log, f"a body is in the log: {body}"
    for pattern in (_TOKEN, _DIGEST_PROOF):
        found = pattern.search(log)
        assert found is None, log[max(0, found.start() - 200) : found.end() + 100]
