"""Changes of rosters: in memory, to the store, and to the resources that want to know. Source: RFC 6121 §2."""

from __future__ import annotations

import itertools
import json

from antiphon.kernel.random import Random
from antiphon.services.messaging.account import Account, Bound
from antiphon.services.messaging.commits import GroupCommit, Write
from antiphon.services.messaging.roster import Item, Roster, query, removed_xml
from antiphon.services.messaging.store import MessagingStore, roster_items, rosters
from antiphon.services.messaging.subscription import IN, State


class Contacts:
    """The one place that writes rosters."""

    def __init__(self, commits: GroupCommit, random: Random) -> None:
        self._commits = commits
        self._random = random
        self._pushes = itertools.count(1)

    def save(self, account: Account, item: Item, visible: bool = True) -> Write:
        """The item is new or changed; `visible` if clients see a difference."""
        roster = account.roster
        roster.epoch = roster.epoch or self._random.token(6)
        if not item.listed and item.state is State.NONE and not item.approved:
            return self._forget(account, item)
        visible = visible and item.listed
        roster.changed(item, visible)
        account.roster_changed()
        if visible:
            self._push(account, item.xml())
            self._write_head(account)
        return self._write_item(account, item)

    def remove(self, account: Account, item: Item) -> Write:
        """The user takes the contact off the list; subscriptions have been ended before (RFC 6121 §2.5)."""
        roster = account.roster
        for contact in roster.removed(item):
            self._commits.remove(roster_items, (account.userid, contact))
        account.roster_changed()
        self._push(account, removed_xml(item.contact))
        self._write_head(account)
        return self._write_tombstone(account, item.contact)

    def catch_up(self, bound: Bound, changes: list[tuple[int, str]]) -> None:
        """Push what the client has missed, one item at a time (RFC 6121 §2.6.3)."""
        roster = bound.account.roster
        for version, item in changes:
            self._push_to(bound, query(roster.at_version(version), item))

    def _forget(self, account: Account, item: Item) -> Write:
        """A request that was withdrawn or refused leaves nothing."""
        if account.roster.get(item.contact) is item:
            account.roster.removed(item)
            account.roster_changed()
        if item.contact in account.roster.tombstones:
            return self._write_tombstone(account, item.contact)
        return self._commits.remove(roster_items, (account.userid, item.contact))

    def _push(self, account: Account, item: str) -> None:
        payload = query(account.roster.ver, item)
        for bound in tuple(account.sessions.values()):
            if bound.interested:
                self._push_to(bound, payload)

    def _push_to(self, bound: Bound, payload: bytes) -> None:
        bound.deliver(
            b"<iq type='set' id='push-%d' to='%b'>%b</iq>" % (next(self._pushes), bound.address, payload)
        )

    def _write_head(self, account: Account) -> None:
        roster = account.roster
        self._commits.put(
            rosters,
            (account.userid,),
            {"epoch": roster.epoch, "version": roster.version, "horizon": roster.horizon},
        )

    def _write_item(self, account: Account, item: Item) -> Write:
        tombstone = account.roster.tombstones.get(item.contact)
        values = {
            "name": item.name,
            "groups": json.dumps(item.groups, ensure_ascii=False),
            "state": int(item.state),
            "listed": item.listed,
            "approved": item.approved,
            "version": item.version if tombstone is None else tombstone,
            "request": item.request,
            "removed": tombstone is not None,
        }
        return self._commits.put(roster_items, (account.userid, item.contact), values)

    def _write_tombstone(self, account: Account, contact: str) -> Write:
        ghost = Item(contact)
        return self._write_item(account, ghost)


async def load(store: MessagingStore) -> dict[str, Roster]:
    """All rosters, by owner. Who is on many lists is one string in memory, and so are names and groups."""
    loaded: dict[str, Roster] = {}
    strings: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for head in await store.rows(rosters):
        loaded[head.owner] = Roster(head.epoch, head.version, head.horizon)
    for row in await store.rows(roster_items):
        roster = loaded.setdefault(row.owner, Roster())
        if row.removed:
            roster.tombstones[row.contact] = row.version
        if row.listed or row.state or row.approved:
            item = Item(strings.setdefault(row.contact, row.contact))
            item.name = strings.setdefault(row.name, row.name)
            if row.groups not in lists:
                lists[row.groups] = tuple(json.loads(row.groups))
            item.groups = lists[row.groups]
            item.state = State(row.state)
            item.listed, item.approved = row.listed, row.approved
            item.version = 0 if row.removed else row.version
            item.request = row.request
            roster.restore((item,))
    return loaded


def pending(roster: Roster) -> int:
    """Unanswered requests of others."""
    return sum(1 for item in roster if item.state & IN)
