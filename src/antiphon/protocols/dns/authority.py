"""An authoritative name server without a socket: a query's octets go in, the answer's come out.

For labs and tests: names live in memory, there is no recursion, no zone transfer and no wildcard.
Source: RFC 1034 §4.3.2, RFC 1035 §4.1, RFC 2308 §2, RFC 6891, RFC 8020.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

MAX_QUERY = 4096
"""Octets; a longer message is no question anybody asks here."""
PLAIN_UDP = 512
EDNS_UDP = 1232
"""Octets of a UDP answer that reach everybody without fragments, whatever more the asker offers to take."""

_TYPES = {"A", "AAAA", "SRV", "TXT", "NS", "CNAME", "PTR", "MX"}
_IN = dns.rdataclass.IN


class Record(NamedTuple):
    """One resource record in presentation form, e.g. ("_sip._udp.example.test", "SRV", "0 0 5060 cucm1.example.test.")."""

    name: str
    kind: str
    value: str


class _Zone:
    __slots__ = ("names", "origin", "sets", "soa")

    def __init__(self, origin: dns.name.Name, ttl: int) -> None:
        self.origin = origin
        self.sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
        # Every name that has records or lies above one that has: an empty non-terminal exists (RFC 8020).
        self.names: set[dns.name.Name] = {origin}
        server = dns.name.from_text("ns", origin)
        text = f"{server} hostmaster.{origin} 1 60 60 3600 {ttl}"
        self.soa = dns.rrset.from_text(origin, ttl, _IN, dns.rdatatype.SOA, text)
        self.sets[(origin, dns.rdatatype.SOA)] = self.soa

    def add(self, owner: dns.name.Name, ttl: int, kind: str, value: str) -> None:
        rdtype = dns.rdatatype.from_text(kind)
        data = dns.rdata.from_text(_IN, rdtype, value)
        rrset = self.sets.get((owner, rdtype))
        if rrset is None:
            rrset = self.sets[(owner, rdtype)] = dns.rrset.RRset(owner, _IN, rdtype)
        rrset.add(data, ttl)
        while owner != self.origin:
            self.names.add(owner)
            owner = owner.parent()


class Authority:
    """The zones of one view.

    `origins` are the domains it answers for; every record's name must lie below one of them (ValueError otherwise).
    """

    def __init__(self, origins: Iterable[str], records: Iterable[Record], ttl: int = 30) -> None:
        self._zones: dict[dns.name.Name, _Zone] = {}
        for origin in origins:
            name = dns.name.from_text(origin)
            self._zones.setdefault(name, _Zone(name, ttl))
        for record in records:
            owner = dns.name.from_text(record.name)
            zone = self._zone(owner)
            if zone is None:
                raise ValueError(f"{record.name} lies below none of the zones")
            if record.kind not in _TYPES:
                raise ValueError(f"unsupported record type {record.kind}")
            zone.add(owner, ttl, record.kind, record.value)

    def _zone(self, name: dns.name.Name) -> _Zone | None:
        while True:
            if name in self._zones:
                return self._zones[name]
            if name == dns.name.root:
                return None
            name = name.parent()

    def answer(self, wire: bytes, stream: bool = False) -> bytes | None:
        """The answer to one message, or None for what deserves silence: fragments, floods and other answers.

        With `stream` (TCP) an answer may be 65,535 octets long, otherwise what the asker can take over UDP.
        """
        if len(wire) < 12 or len(wire) > MAX_QUERY or wire[2] & 0x80:
            # An answer to an answer would let two servers talk to each other for ever.
            return None
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError, struct.error):
            return _bare(wire, dns.rcode.FORMERR)
        try:
            return self._respond(query, stream)
        except (dns.exception.DNSException, ValueError, struct.error):
            return _bare(wire, dns.rcode.SERVFAIL)

    def _respond(self, query: dns.message.Message, stream: bool) -> bytes:
        response = dns.message.make_response(query, our_payload=EDNS_UDP)
        response.set_rcode(self._fill(query, response))
        limit = (
            65535 if stream else PLAIN_UDP if query.edns < 0 else max(PLAIN_UDP, min(query.payload, EDNS_UDP))
        )
        try:
            return bytes(response.to_wire(max_size=limit))
        except dns.exception.TooBig:
            short = dns.message.make_response(query, our_payload=EDNS_UDP)
            short.flags |= dns.flags.TC | dns.flags.AA
            return bytes(short.to_wire())

    def _fill(self, query: dns.message.Message, response: dns.message.Message) -> dns.rcode.Rcode:
        if query.edns > 0:
            return dns.rcode.BADVERS
        if query.opcode() != dns.opcode.QUERY:
            return dns.rcode.NOTIMP
        if len(query.question) != 1:
            return dns.rcode.FORMERR
        name, rdtype = query.question[0].name, query.question[0].rdtype
        zone = self._zone(name)
        if zone is None or query.question[0].rdclass != _IN or rdtype == dns.rdatatype.AXFR:
            return dns.rcode.REFUSED
        response.flags |= dns.flags.AA
        if name not in zone.names:
            response.authority.append(zone.soa)
            return dns.rcode.NXDOMAIN
        found = [
            rrset
            for (owner, kind), rrset in zone.sets.items()
            if owner == name and rdtype in (kind, dns.rdatatype.ANY)
        ]
        if not found:
            # The name is there, the type is not: NOERROR with the SOA (RFC 2308 §2.2).
            response.authority.append(zone.soa)
        response.answer.extend(found)
        self._add_targets(found, response)
        return dns.rcode.NOERROR

    def _add_targets(self, found: list[dns.rrset.RRset], response: dns.message.Message) -> None:
        targets = {data.target for rrset in found if rrset.rdtype == dns.rdatatype.SRV for data in rrset}
        for target in sorted(targets):
            zone = self._zone(target)
            for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
                addresses = zone.sets.get((target, rdtype)) if zone is not None else None
                if addresses is not None:
                    response.additional.append(addresses)


def _bare(wire: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """A header alone, with the asker's id, opcode and RD bit: all that can be said about what cannot be read."""
    return wire[:2] + bytes([0x80 | (wire[2] & 0x79), int(rcode)]) + bytes(8)
