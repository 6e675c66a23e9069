"""The topology file: which nodes a deployment has, what they do, and (in the lab) who its people are."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.kernel.core import Address
from antiphon.kernel.errors import DomainError
from antiphon.model import Cluster, Node
from antiphon.roles.errors import BROKEN_TOPOLOGY

ROLES = ("identity", "provisioning", "call", "im")
_DOMAIN = re.compile(r"(?=.{3,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*")
CONTACTS = ("abuse", "admin", "feedback", "sales", "security", "status", "support")
"""Kinds of contact addresses. Source: XEP-0157 §3"""
_URI = re.compile(r"(mailto|xmpp|https|sip|tel):[^\s\"<>]{1,240}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

EXAMPLE = """\
# A deployment on one machine. Each node has its own loopback address and the real ports.
domain = "example.test"
cluster = "lab"

[dns]                       # the lab's name server
inside = "127.0.0.1:10053"  # what clients in the office ask
outside = "127.0.0.1:10054" # what clients at home ask

# [contacts]                # whom people and other servers write to (XEP-0157)
# admin = ["mailto:admin@example.test"]

[[node]]
name = "cucm1"
address = "127.0.1.1"
roles = ["identity", "provisioning", "call"]

[[node]]
name = "imp1"
address = "127.0.2.1"
roles = ["im"]

[[user]]
userid = "alice"
first_name = "Alice"
last_name = "Ng"
line = "1001"
admin = true

[[user]]
userid = "bob"
first_name = "Bob"
last_name = "Martin"
line = "1002"

[[user]]
userid = "carol"
first_name = "Carol"
last_name = "Kim"
line = "1003"
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A demo user with one line and one softphone device."""

    userid: str
    first_name: str = ""
    last_name: str = ""
    line: str = ""
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    cluster: Cluster
    inside: Address
    outside: Address
    people: tuple[Person, ...]
    port_offsets: tuple[tuple[str, int], ...] = ()
    """Node name → what is added to its ports, where the machine has one loopback address only."""

    def port(self, node: Node, port: int) -> int:
        return port + dict(self.port_offsets).get(node.name, 0)


def parse(text: str) -> Topology:
    """Raises AP-LAB-001 with the place and the reason."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BROKEN_TOPOLOGY.error(f"not TOML: {error}") from error
    read = _Table("topology", table, ("domain", "cluster", "dns", "node", "user", "version", "contacts"))
    domain = read.text("domain")
    if not _DOMAIN.fullmatch(domain):
        raise _broken("domain", f"{domain!r} is not a domain name in lower case")
    dns = _Table("dns", read.table("dns"), ("inside", "outside"))
    nodes = tuple(_node(row, domain) for row in read.tables("node"))
    _check_nodes(nodes)
    people = tuple(_person(row) for row in read.tables("user"))
    _unique("user", [person.userid for person in people])
    _unique("line", [person.line for person in people if person.line])
    cluster = Cluster(
        read.text("cluster", "lab"),
        domain,
        nodes,
        read.text("version", "12.5.1"),
        _contacts(read.table("contacts")),
    )
    return Topology(
        cluster,
        _address("dns.inside", dns.text("inside", "127.0.0.1:10053")),
        _address("dns.outside", dns.text("outside", "127.0.0.1:10054")),
        people,
    )


def _broken(where: str, why: str) -> DomainError:
    return BROKEN_TOPOLOGY.error(f"{where}: {why}")


class _Table:
    """Reads a TOML table; an unknown key is an error that names the nearest known one."""

    def __init__(self, where: str, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
        self._where = where
        self._values = values
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
                raise _broken(where, f"unknown key {key!r}{hint}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or not value:
            raise _broken(
                f"{self._where}.{key}", "a text is needed" if value is None else f"{value!r} is not a text"
            )
        return value

    def optional(self, key: str) -> str:
        value = self._values.get(key, "")
        if not isinstance(value, str):
            raise _broken(f"{self._where}.{key}", f"{value!r} is not a text")
        return value

    def flag(self, key: str) -> bool:
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise _broken(f"{self._where}.{key}", f"{value!r} is not true or false")
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise _broken(f"{self._where}.{key}", "a table is needed")
        return value

    def tables(self, key: str) -> list[Mapping[str, Any]]:
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise _broken(f"{self._where}.{key}", f"write it as [[{key}]]")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise _broken(f"{self._where}.{key}", "a list of texts is needed")
        return tuple(value)


def _node(row: Mapping[str, Any], domain: str) -> Node:
    read = _Table("node", row, ("name", "address", "roles"))
    name, address, roles = read.text("name"), read.text("address"), read.texts("roles")
    if not _LABEL.fullmatch(name):
        raise _broken("node.name", f"{name!r} is not a host label in lower case")
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise _broken("node.address", f"{address!r} is not a loopback address")
    for role in roles:
        if role not in ROLES:
            near = difflib.get_close_matches(role, ROLES, 1)
            raise _broken(f"node {name}", f"unknown role {role!r}; known are {', '.join(near or ROLES)}")
    return Node(f"{name}.{domain}", address, roles)


def _check_nodes(nodes: tuple[Node, ...]) -> None:
    if not nodes:
        raise _broken("node", "at least one [[node]] is needed")
    _unique("node name", [node.name for node in nodes])
    _unique("node address", [node.address for node in nodes])
    for role in ROLES:
        if not any(role in node.roles for node in nodes):
            raise _broken("node", f"no node has the role {role!r}")


def _contacts(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    read = _Table("contacts", row, CONTACTS)
    contacts = tuple((kind, uri) for kind in row for uri in read.texts(kind))
    for kind, uri in contacts:
        if not _URI.fullmatch(uri):
            raise _broken(f"contacts.{kind}", f"{uri!r} is not a URI such as mailto:admin@example.test")
    return contacts


def _person(row: Mapping[str, Any]) -> Person:
    read = _Table("user", row, ("userid", "first_name", "last_name", "line", "admin"))
    userid, line = read.text("userid"), read.optional("line")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", userid):
        raise _broken(
            "user.userid", f"{userid!r} may hold lower-case letters, digits, dot, dash and underscore"
        )
    if line and not re.fullmatch(r"\d{2,15}", line):
        raise _broken(f"user {userid}", f"line {line!r} is not a number of 2 to 15 digits")
    return Person(userid, read.optional("first_name"), read.optional("last_name"), line, read.flag("admin"))


def _unique(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise _broken(what, f"{value!r} stands there twice")


def _address(where: str, text: str) -> Address:
    host, _, port = text.rpartition(":")
    try:
        return Address(str(ipaddress.ip_address(host.strip("[]"))), int(port))
    except ValueError:
        raise _broken(where, f"{text!r} is not address:port") from None
