"""The door's half of sockets: UDP, streams (TCP and TLS), and WebSockets.

Source: RFC 3261 §18, RFC 5626 §3.5.1, RFC 7118
"""

from __future__ import annotations

import logging

from antiphon.interfaces.sip import errors
from antiphon.interfaces.sip.door import SipDoor
from antiphon.interfaces.sip.listener import Listener
from antiphon.interfaces.sip.peer import Peer
from antiphon.kernel.core import Address, DatagramFlow, Flow
from antiphon.protocols.sip.framing import PONG, Framer, Ping
from antiphon.protocols.sip.message import Rejected
from antiphon.protocols.sip.parse import parse_datagram

log = logging.getLogger(__name__)

MAX_UDP_PEERS = 50_000


class SipDatagramEndpoint:
    """One UDP socket. Peers are kept by address, so that a refreshed binding finds the same flow."""

    __slots__ = ("_door", "_flow", "_listener", "_peers")

    def __init__(self, door: SipDoor, listener: Listener) -> None:
        self._door = door
        self._listener = listener
        self._flow: DatagramFlow | None = None
        self._peers: dict[Address, Peer] = {}

    def bound(self, flow: DatagramFlow, now: float) -> None:
        self._flow = flow
        self._door.datagrams(self.peer)

    def received(self, data: bytes, peer: Address, now: float) -> None:
        known = self._peers.get(peer)
        if known is not None and known.lanes and self._door.refreshed(data, known, now):
            return
        message = parse_datagram(data)
        if message is None:
            # Keep-alives (CRLF, STUN, zeros), responses that cannot be used, noise: nobody is to be answered.
            return
        known = known or self.peer(peer)
        if isinstance(message, Rejected):
            self._door.rejected(message, known)
        else:
            self._door.received(message, known, now)

    def peer(self, address: Address) -> Peer:
        known = self._peers.get(address)
        if known is None:
            if len(self._peers) >= MAX_UDP_PEERS:
                # Bindings and legs hold on to theirs; a forgotten address gets a new one and a binding that moves.
                self._peers.pop(next(iter(self._peers)))
            flow = self._flow
            assert flow is not None
            known = Peer(self._listener, address, lambda data: flow.send_to(data, address))
            self._peers[address] = known
        return known


class SipStreamEndpoint:
    """One TCP or TLS connection."""

    __slots__ = ("_deadline", "_door", "_flow", "_framer", "_half_until", "_listener", "_peer")

    def __init__(self, door: SipDoor, listener: Listener) -> None:
        self._door = door
        self._listener = listener
        self._framer = Framer()
        self._flow: Flow | None = None
        self._peer: Peer | None = None
        self._deadline: float | None = None
        self._half_until: float | None = None

    @property
    def deadline(self) -> float | None:
        half = self._half_until
        if half is None or self._deadline is None:
            return self._deadline if half is None else half
        return min(half, self._deadline)

    def opened(self, flow: Flow, now: float) -> None:
        self._flow = flow
        self._deadline = now + self._listener.first_message_s
        certificate = b""
        if self._listener.edge:
            security = flow.security
            certificate = (security.peer_certificate if security is not None else None) or b""
            if not self._door.admits_edge(certificate, flow.peer):
                flow.abort()
                return
        self._peer = Peer(self._listener, flow.peer, flow.send, flow.close, certificate)
        self._door.connected(self._peer)

    def secured(self, now: float) -> None:
        """SIP begins with TLS or without it; nothing changes on the way."""

    def received(self, data: bytes, now: float) -> None:
        peer, flow = self._peer, self._flow
        if peer is None or flow is None or not peer.alive or self._framer.broken:
            return
        if peer.lanes and not self._framer.pending and self._door.refreshed(data, peer, now):
            self._deadline = now + self._listener.idle_s
            return
        for frame in self._framer.feed(data):
            if frame is Ping.PING:
                peer.send(PONG)
                self._deadline = now + self._listener.idle_s
            elif isinstance(frame, Rejected):
                self._door.rejected(frame, peer)
                if _only_to_close(frame):
                    self._framer.broken = True
                    break
                self._bad(peer)
            elif isinstance(frame, Ping):
                continue
            elif self._door.received(frame, peer, now):
                self._deadline = now + self._listener.idle_s
            else:
                self._bad(peer)
        if self._framer.broken:
            flow.close()
        elif not self._framer.pending:
            self._half_until = None
        elif self._half_until is None:
            self._half_until = now + self._listener.half_message_s

    def _bad(self, peer: Peer) -> None:
        if peer.errors >= self._listener.max_errors and not self._framer.broken:
            log.warning(
                errors.TOO_MANY_ERRORS.what,
                extra={"code": errors.TOO_MANY_ERRORS.code, "peer": str(peer.address)},
            )
            self._framer.broken = True

    def drained(self, now: float) -> None:
        """What SIP sends is small; nothing waits for this."""

    def expired(self, now: float) -> None:
        flow = self._flow
        if flow is None:
            return
        log.info(errors.SILENT.what, extra={"code": errors.SILENT.code, "peer": str(flow.peer)})
        self._deadline = self._half_until = None
        flow.abort()

    def closed(self, now: float) -> None:
        self._deadline = self._half_until = None
        peer, self._peer = self._peer, None
        if peer is not None:
            self._door.lost(peer)


class SipWebSocketEndpoint:
    """One WebSocket of the subprotocol `sip`: one SIP message is one WebSocket message, text or binary."""

    __slots__ = ("_deadline", "_door", "_flow", "_listener", "_peer")

    def __init__(self, door: SipDoor, listener: Listener) -> None:
        self._door = door
        self._listener = listener
        self._flow: Flow | None = None
        self._peer: Peer | None = None
        self._deadline: float | None = None

    @property
    def deadline(self) -> float | None:
        return self._deadline

    def opened(self, flow: Flow, now: float) -> None:
        self._flow = flow
        self._peer = Peer(self._listener, flow.peer, flow.send, flow.close)
        self._deadline = now + self._listener.first_message_s
        self._door.connected(self._peer)

    def secured(self, now: float) -> None:
        """A WebSocket is secured before it is one."""

    def received(self, data: bytes, now: float) -> None:
        peer, flow = self._peer, self._flow
        if peer is None or flow is None or not peer.alive:
            return
        if data == b"\r\n\r\n":
            # RFC 7118 §6: the CRLF keep-alive works here too.
            peer.send(PONG)
            self._deadline = now + self._listener.idle_s
            return
        message = parse_datagram(data)
        if message is None and data.strip(b"\r\n") == b"":
            return
        good = False
        if isinstance(message, Rejected):
            self._door.rejected(message, peer)
            if _only_to_close(message):
                flow.close()
                return
        elif message is not None:
            good = self._door.received(message, peer, now)
        if good:
            self._deadline = now + self._listener.idle_s
            return
        if message is None:
            peer.errors += 1
        if peer.errors >= self._listener.max_errors:
            log.warning(
                errors.TOO_MANY_ERRORS.what,
                extra={"code": errors.TOO_MANY_ERRORS.code, "peer": str(peer.address)},
            )
            flow.close()

    def drained(self, now: float) -> None:
        """What SIP sends is small; nothing waits for this."""

    def expired(self, now: float) -> None:
        self._deadline = None
        if self._flow is not None:
            log.info(errors.SILENT.what, extra={"code": errors.SILENT.code, "peer": str(self._flow.peer)})
            self._flow.abort()

    def closed(self, now: float) -> None:
        self._deadline = None
        peer, self._peer = self._peer, None
        if peer is not None:
            self._door.lost(peer)


def _only_to_close(rejected: Rejected) -> bool:
    """Nothing in the message says whom to answer: closing the connection is the one answer left. An ACK expects none."""
    request = rejected.request
    return rejected.answerable is None and (request is None or request.method != "ACK")
