"""The local users who may use messaging, found by name or address."""

from __future__ import annotations

from antiphon.protocols.xmpp.jid import Jid
from antiphon.services.messaging.account import Account
from antiphon.services.messaging.ports import Users


class Accounts:
    """Accounts come into being when somebody first needs them; the directory says whether they may."""

    def __init__(self, users: Users, domain: str) -> None:
        self._users = users
        self.domain = domain
        self.by_userid: dict[str, Account] = {}
        """Including users who may not use messaging at present: look at `enabled`."""
        self.by_key: dict[str, Account] = {}
        """The same by bare JID in text."""

    def find(self, userid: str) -> Account | None:
        """The account, if the user exists and may use messaging."""
        account = self.by_userid.get(userid)
        if account is None:
            user = self._users.user(userid)
            if user is None or not user.enabled or not user.im_enabled:
                return None
            account = self.make(userid)
            account.locale = user.locale
        return account if account.enabled else None

    def at(self, jid: Jid) -> Account | None:
        """The account at an address of this domain."""
        return self.find(jid.local) if jid.local and jid.domain == self.domain else None

    def is_local(self, contact: str) -> bool:
        """A bare JID in text is one of this domain."""
        return contact.rpartition("@")[2] == self.domain

    def of_contact(self, contact: str) -> Account | None:
        """The account at a bare JID in text."""
        found = self.by_key.get(contact)
        if found is not None:
            return found if found.enabled else None
        local, _, domain = contact.rpartition("@")
        return self.find(local) if local and domain == self.domain else None

    def make(self, userid: str) -> Account:
        """The account, whatever the directory says (what the store keeps of a user is loaded before)."""
        account = self.by_userid.get(userid)
        if account is None:
            account = Account(userid, self.domain)
            self.by_userid[userid] = account
            self.by_key[account.key] = account
            self.reread(account)
        return account

    def reread(self, account: Account) -> None:
        """The directory has changed."""
        user = self._users.user(account.userid)
        account.enabled = user is not None and user.enabled and user.im_enabled
        if user is not None:
            account.locale = user.locale

    def forget(self, account: Account) -> None:
        self.by_userid.pop(account.userid, None)
        self.by_key.pop(account.key, None)
