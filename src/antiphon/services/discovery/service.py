"""The home cluster: which cluster holds a user's record, asked by user name or e-mail address."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.model import Cluster, Node
from antiphon.services.discovery.ports import Directory
from antiphon.services.discovery.roles import uds_nodes


@dataclass(frozen=True, slots=True)
class Home:
    """Where a user's record is."""

    userid: str
    node: str
    """Fully qualified name of a node there that answers directory requests."""


class Discovery:
    """Answers from the local directory; a user whose record names another cluster is sent there (S2-7, S2-72)."""

    def __init__(self, cluster: Cluster, directory: Directory) -> None:
        self.cluster = cluster
        self._directory = directory

    @property
    def servers(self) -> tuple[Node, ...]:
        """The directory nodes of this cluster, primary first."""
        return uds_nodes(self.cluster)

    def home_of(self, username: str = "", mail: str = "", identifier: str = "") -> Home | None:
        """By user name, by e-mail address, or by an identifier that may be either. None when nobody is known by it."""
        user = self._directory.user(username.lower()) if username else None
        if user is None and mail:
            user = self._directory.user_by_mail(mail)
        if user is None and identifier:
            user = self._directory.user(identifier.lower()) or self._directory.user_by_mail(identifier)
        if user is None:
            return None
        if user.home_cluster and user.home_cluster != self.cluster.name:
            return Home(user.userid, user.home_cluster)
        return Home(user.userid, self.servers[0].name)
