"""Sessions come and go."""

from __future__ import annotations

import pytest
from tests.services.messaging.conftest import DOMAIN, Site

from antiphon.kernel.errors import DomainError
from antiphon.services.directory.events import UserChanged
from antiphon.services.messaging.events import SessionBound, SessionUnbound


async def test_coming_and_going_are_facts(site: Site) -> None:
    heard: list[object] = []
    site.bus.subscribe(SessionBound, heard.append)
    site.bus.subscribe(SessionUnbound, heard.append)
    alice = site.bind("alice/desk")
    assert site.messaging.sessions("alice") == (alice,)
    site.messaging.unbind(alice)
    jid = f"alice@{DOMAIN}/desk"
    assert heard == [SessionBound("alice", jid), SessionUnbound("alice", jid)]
    assert site.messaging.sessions("alice") == ()


async def test_a_second_session_of_the_same_name_ends_the_first(site: Site) -> None:
    first = site.online("alice/desk")
    second = site.bind("alice/desk")
    assert first.closed == "conflict"
    site.messaging.unbind(first)
    assert site.messaging.sessions("alice") == (second,)


@pytest.mark.parametrize(("jid", "code"), [("nobody/x", "AP-IM-002"), ("alice/antiphon", "AP-IM-001")])
async def test_who_may_not_come_is_refused(site: Site, jid: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        site.bind(jid)
    assert refused.value.code == code


async def test_a_disabled_user_may_not_come(site: Site) -> None:
    site.bind("alice/desk")
    site.people.change("alice", enabled=False)
    site.bus.publish(UserChanged("alice", False))
    with pytest.raises(DomainError):
        site.bind("alice/desk")
    site.people.change("alice", enabled=True)
    site.bus.publish(UserChanged("alice", True))
    site.bind("alice/desk")


async def test_sessions_of_a_user_are_bounded(tight: Site) -> None:
    tight.bind("alice/1"), tight.bind("alice/2")
    with pytest.raises(DomainError) as refused:
        tight.bind("alice/3")
    assert refused.value.code == "AP-IM-003"
    tight.bind("alice/2")
