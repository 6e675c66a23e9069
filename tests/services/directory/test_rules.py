from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.errors import DomainError
from antiphon.kernel.random import SequenceRandom
from antiphon.model import Device, DeviceLine, EdgeNode, Line, ServiceKind, ServiceProfile, UcService, User
from antiphon.protocols.xmpp.jid import Jid
from antiphon.services.directory.memory import Entry, Memory
from antiphon.services.directory.rules import checked

PKID = "00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
def memory() -> Memory:
    memory = Memory()
    memory.fill(
        [
            UcService("cti1", "s1", ServiceKind.CTI, "cucm1.example.test", 2748),
            ServiceProfile("Default", "p1", is_default=True, services=((ServiceKind.CTI, ("cti1",)),)),
            User("alice", PKID, mail="alice@example.test"),
            Line("1001", "l1", owner="alice"),
            Device("CSFALICE", "d1", owner="alice", lines=(DeviceLine("1001", contact=PKID),)),
        ]
    )
    return memory


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (User("", ""), "AP-DIR-001"),
        (User("Bob", ""), "AP-DIR-001"),
        (User("bob smith", ""), "AP-DIR-001"),
        (User("bob/home", ""), "AP-DIR-001"),
        (User("bob@example.test", ""), "AP-DIR-001"),
        (User("b" * 129, ""), "AP-DIR-001"),
        (User("bob", "", first_name="B\x00b"), "AP-DIR-002"),
        (User("bob", "", first_name="B\ud800b"), "AP-DIR-002"),
        (User("bob", "", title="x" * 256), "AP-DIR-002"),
        (User("bob", "", locale="deutsch!"), "AP-DIR-002"),
        (User("bob", "ABC"), "AP-DIR-002"),
        (User("bob", "", mail="bob"), "AP-DIR-003"),
        (User("bob", "", directory_uri="sip:bob@x y"), "AP-DIR-003"),
        (User("bob", "", service_profile="Staff"), "AP-DIR-009"),
        (User("bob", PKID), "AP-DIR-017"),
        (User("alice", "00000000-0000-4000-8000-0000000000bb"), "AP-DIR-017"),
        (User("bob", "", mail="ALICE@example.test"), "AP-DIR-018"),
        (Line("", ""), "AP-DIR-004"),
        (Line("10 01", ""), "AP-DIR-004"),
        (Line("1001a", ""), "AP-DIR-004"),
        (Line("1" * 25, ""), "AP-DIR-004"),
        (Line("1002", "", owner="nobody"), "AP-DIR-008"),
        (Line("1002", "", forward_all="1002"), "AP-DIR-023"),
        (Line("1002", "", forward_busy="not there"), "AP-DIR-023"),
        (Line("1002", "", no_answer_timeout_s=0.0), "AP-DIR-002"),
        (Line("1002", "", hunt_members=("1002",)), "AP-DIR-020"),
        (Line("1002", "", hunt_members=("1009",)), "AP-DIR-020"),
        (Line("1002", "", hunt_members=("1001", "1001")), "AP-DIR-020"),
        (Line("1002", "", hunt_members=("1001",) * 101), "AP-DIR-002"),
        (Device("ALICE", ""), "AP-DIR-005"),
        (Device("csfalice", ""), "AP-DIR-005"),
        (Device("SEP1234", ""), "AP-DIR-005"),
        (Device("CSF../../x", ""), "AP-DIR-005"),
        (Device("CSFBOB", "", lines=(DeviceLine("1009"),)), "AP-DIR-006"),
        (Device("CSFBOB", "", lines=(DeviceLine("1001"), DeviceLine("1001", 2))), "AP-DIR-007"),
        (Device("CSFBOB", "", lines=(DeviceLine("1001", 0),)), "AP-DIR-007"),
        (Device("CSFBOB", "", owner="nobody"), "AP-DIR-008"),
        (Device("CSFBOB", "", digest_algorithms=("MD4",)), "AP-DIR-002"),
        (Device("CSFBOB", "", digest_algorithms=()), "AP-DIR-002"),
        (Device("CSFBOB", "", lines=(DeviceLine("1001", contact="x"),)), "AP-DIR-002"),
        (Device("CSFBOB", "", lines=(DeviceLine("1001", busy_trigger=9),)), "AP-DIR-002"),
        (ServiceProfile("a/b", ""), "AP-DIR-002"),
        (ServiceProfile("Staff", "", services=((ServiceKind.CTI, ("none",)),)), "AP-DIR-015"),
        (ServiceProfile("Staff", "", services=((ServiceKind.DIRECTORY, ("cti1",)),)), "AP-DIR-015"),
        (ServiceProfile("Staff", "", services=((ServiceKind.CTI, ()),)), "AP-DIR-015"),
        (ServiceProfile("Default", ""), "AP-DIR-021"),
        (ServiceProfile("Staff", "", client_parameters=(("Poli cies", "x", "y"),)), "AP-DIR-002"),
        (ServiceProfile("Staff", "", client_parameters=(("Policies", "<x>", "y"),)), "AP-DIR-002"),
        (UcService("x", "", ServiceKind.CTI, ""), "AP-DIR-022"),
        (UcService("x", "", ServiceKind.CTI, "no host"), "AP-DIR-022"),
        (UcService("x", "", ServiceKind.CTI, "host", 70000), "AP-DIR-022"),
        (UcService("cti1", "", ServiceKind.MAIL_STORE, "host"), "AP-DIR-016"),
        (EdgeNode("", ""), "AP-DIR-028"),
        (EdgeNode("Expc1.example.test", ""), "AP-DIR-028"),
        (EdgeNode("expc1 example", ""), "AP-DIR-028"),
        (EdgeNode("expc1.example.test", "", subject_names=("*.example.test",)), "AP-DIR-028"),
        (EdgeNode("expc1.example.test", "", subject_names=("",)), "AP-DIR-028"),
        (EdgeNode("expc1.example.test", "", subject_names=("a\nb",)), "AP-DIR-028"),
        (EdgeNode("expc1.example.test", "", subject_names=("a",) * 101), "AP-DIR-002"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_code(memory: Memory, entry: Entry, code: str) -> None:
    with pytest.raises(DomainError) as raised:
        checked(entry, memory, SequenceRandom())
    assert raised.value.code == code


@pytest.mark.parametrize(
    "entry",
    [
        User("bob.smith+1", "", locale="zh-Hans", mail="bob@example.test"),
        User("josé", "", "José", "Núñez", "José 王"),
        Line("+33123456789", "", owner="alice", forward_all="voicemail@example.test"),
        Line("*97", "", hunt_members=("1001",)),
        Device("TCTBOB", "", lines=(DeviceLine("1001"),)),
        Device("SEP001122AABBCC", ""),
        Device("CSFbob.smith", "", digest_algorithms=("MD5",)),
        EdgeNode("2001:db8::1", "", "Lyon", ("Expressway Core 1", "expc.example.test")),
        UcService("six", "", ServiceKind.VOICEMAIL, "2001:db8::1", 443, "HTTPS"),
        ServiceProfile("Büro 2", "", services=((ServiceKind.CTI, ("cti1",)),)),
    ],
)
def test_what_can_be_kept_gets_a_pkid_and_nothing_else(memory: Memory, entry: Entry) -> None:
    kept = checked(entry, memory, SequenceRandom())
    assert len(kept.pkid) == 36
    if isinstance(entry, Device) and entry.lines:
        assert isinstance(kept, Device)
        assert all(len(line.contact) == 36 for line in kept.lines)
    else:
        assert replace(kept, pkid="") == entry


def test_a_changed_entry_keeps_its_pkid(memory: Memory) -> None:
    assert checked(User("alice", "", title="x"), memory, SequenceRandom()).pkid == PKID


@given(st.text(max_size=140))
def test_every_userid_that_is_kept_is_a_local_part(userid: str) -> None:
    try:
        kept = checked(User(userid, ""), Memory(), SequenceRandom())
    except DomainError:
        return
    assert isinstance(kept, User)
    assert Jid.parse(f"{kept.userid}@example.test").local == userid
    assert "/" not in userid
