from __future__ import annotations

import datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from antiphon.model import EdgeNode
from antiphon.protocols.x509.issue import make_authority, make_certificate, new_key
from antiphon.protocols.x509.names import Names
from antiphon.services.directory.edges import EdgeList
from antiphon.services.directory.memory import Memory

WALL = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).timestamp()


def certificate(*dns: str, addresses: tuple[str, ...] = (), common: str = "cn.example.test") -> bytes:
    names = Names(dns_names=dns, ip_addresses=addresses, common_names=(common,))
    made = make_certificate(make_authority("CA", WALL, 2), new_key(), names, WALL, 1)
    return made.public_bytes(Encoding.DER)


@pytest.fixture
def memory() -> Memory:
    memory = Memory()
    memory.keep(EdgeNode("expc1.example.test", "e1"))
    memory.keep(EdgeNode("10.1.1.1", "e2", subject_names=("Expc2.example.test", "Edge of Lyon")))
    memory.keep(EdgeNode("192.0.2.7", "e3"))
    return memory


@pytest.mark.parametrize(
    ("der", "allowed"),
    [
        (certificate("expc1.example.test"), True),
        (certificate("other.example.test", "EXPC2.example.test".lower()), True),
        (certificate("other.example.test", common="Edge of Lyon"), True),
        (certificate("other.example.test", addresses=("192.0.2.7",)), True),
        # Its names are given, so the address it is entered under is none of them.
        (certificate("other.example.test", addresses=("10.1.1.1",)), False),
        (certificate("other.example.test"), False),
        (certificate("*.example.test"), False),
        (certificate("expc1.example.test.evil.test"), False),
        (b"", False),
        (b"\x30\x03\x02\x01\x01", False),
    ],
)
def test_a_name_of_the_certificate_must_stand_in_the_list(memory: Memory, der: bytes, allowed: bool) -> None:
    """S3-43."""
    assert EdgeList(memory).allowed(der) is allowed


def test_a_changed_entry_counts_at_once(memory: Memory) -> None:
    edges, der = EdgeList(memory), certificate("expc1.example.test")
    memory.keep(EdgeNode("expc1.example.test", "e1", subject_names=("expc9.example.test",)))
    assert not edges.allowed(der)
    memory.drop(EdgeNode, "expc1.example.test")
    assert not edges.allowed(certificate("expc9.example.test"))
