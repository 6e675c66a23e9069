"""The bus between processes: the local bus, joined to those of the other nodes by a NATS server.

An event is heard in this process before `publish` returns, and in the others soon after, in the order in which this
process published. The bus is never the record: an event that could not be carried is lost, and all nodes then hear
`EventsMissed`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from antiphon.io.errors import BUS_CONNECTION_LOST, BUS_NOT_REACHABLE, BUS_NOT_UNDERSTOOD, BUS_QUEUE_FULL
from antiphon.kernel.bus import Event, EventsMissed, LocalBus
from antiphon.kernel.codec import CodecError, decode, encode

log = logging.getLogger(__name__)

QUEUE_LIMIT = 10_000
"""Events that wait for the connection; about 200 bytes each."""
RECONNECT_WAIT_S = 0.25
PING_INTERVAL_S = 10

E = TypeVar("E", bound=Event)


def event_name(kind: type[Event]) -> str:
    """Of `antiphon.services.directory.events.UserChanged` it is `services-directory-UserChanged`."""
    path = kind.__module__.removeprefix("antiphon.").removesuffix(".events")
    return f"{path}.{kind.__qualname__}".replace(".", "-")


class NatsBus:
    """Implements `kernel.bus.Bus`. `connect` joins the others; before and between connections events wait."""

    def __init__(self, prefix: str = "antiphon", queue_limit: int = QUEUE_LIMIT) -> None:
        self._local = LocalBus()
        self._subject = f"{prefix}.event."
        self._limit = queue_limit
        self._queue: deque[tuple[str, bytes]] = deque()
        self._dropped = 0
        self._wake = asyncio.Event()
        self._kinds: dict[str, type[Event]] = {}
        self._client = Client()
        self._sender: asyncio.Task[None] | None = None
        self.subscribe(EventsMissed, lambda _: None)

    @property
    def connected(self) -> bool:
        return self._client.is_connected

    def subscribe(self, kind: type[E], listener: Callable[[E], None]) -> Callable[[], None]:
        self._kinds[event_name(kind)] = kind
        return self._local.subscribe(kind, listener)

    def publish(self, event: Event) -> None:
        # First, so that what a listener publishes because of it leaves behind it.
        self._enqueue(event)
        self._local.publish(event)

    async def connect(
        self, servers: Sequence[str], tls: ssl.SSLContext | None = None, timeout_s: float = 10.0
    ) -> None:
        """Join. Later on it reconnects by itself, for as long as it takes. Raises AP-BUS-001."""
        options: dict[str, Any] = {} if tls is None else {"tls": tls}
        try:
            async with asyncio.timeout(timeout_s):
                await self._client.connect(
                    list(servers),
                    name="antiphon",
                    no_echo=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]
                    ping_interval=PING_INTERVAL_S,
                    error_cb=self._failed,
                    disconnected_cb=self._disconnected,
                    reconnected_cb=self._reconnected,
                    **options,
                )
                # One subscription for all: several would lose the order between events of different kinds.
                await self._client.subscribe(self._subject + "*", cb=self._received)
                # Twice: the client's first ping may overtake the subscription, its second cannot.
                await self._client.flush()
                await self._client.flush()
        except (TimeoutError, OSError, NatsError) as error:
            await self._client.close()
            raise BUS_NOT_REACHABLE.error(retry_after_s=5.0) from error
        self._sender = asyncio.create_task(self._send(), name="bus sender")

    async def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits, if that is possible in time, and leave."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._queue and self.connected:
                    await self._send_waiting()
                if self.connected:
                    await self._client.flush()
        except (TimeoutError, NatsError):
            log.warning("left the bus with events not sent", extra={"code": BUS_QUEUE_FULL.code})
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            await self._client.close()

    def _enqueue(self, event: Event) -> None:
        if not event.carried:
            return
        if len(self._queue) >= self._limit:
            if not self._dropped:
                log.error(
                    "bus queue is full, events are dropped",
                    extra={"code": BUS_QUEUE_FULL.code, "limit": self._limit},
                )
            self._dropped += 1
            return
        try:
            payload = json.dumps(encode(event), separators=(",", ":")).encode()
        except CodecError:
            log.exception(
                "event cannot leave the process",
                extra={"code": BUS_NOT_UNDERSTOOD.code, "event": event_name(type(event))},
            )
            return
        self._queue.append((self._subject + event_name(type(event)), payload))
        self._wake.set()

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._send_waiting()
            except (NatsError, OSError) as error:
                log.warning(
                    "bus: an event was not sent",
                    extra={"code": BUS_CONNECTION_LOST.code, "error": repr(error)},
                )

    async def _send_waiting(self) -> None:
        while self._queue and self.connected:
            subject, payload = self._queue.popleft()
            await self._client.publish(subject, payload)
        if self._dropped and not self._queue:
            log.warning("bus dropped events", extra={"code": BUS_QUEUE_FULL.code, "dropped": self._dropped})
            self._dropped = 0
            self._enqueue(EventsMissed())

    async def _received(self, message: Msg) -> None:
        name = message.subject.removeprefix(self._subject)
        if (kind := self._kinds.get(name)) is None:
            return
        try:
            event = decode(kind, json.loads(message.data))
        except (CodecError, ValueError, RecursionError) as error:
            log.warning(
                "bus event not understood",
                extra={"code": BUS_NOT_UNDERSTOOD.code, "event": name, "error": str(error)[:200]},
            )
            return
        self._local.publish(event)

    async def _failed(self, error: Exception) -> None:
        log.warning("bus", extra={"code": BUS_CONNECTION_LOST.code, "error": repr(error)})

    async def _disconnected(self) -> None:
        if not self._client.is_closed:
            log.error("bus connection lost, events wait", extra={"code": BUS_CONNECTION_LOST.code})

    async def _reconnected(self) -> None:
        """What was on the way in either direction when the connection broke may be gone, so everybody is told."""
        log.info(
            "bus connection is back", extra={"code": BUS_CONNECTION_LOST.code, "waiting": len(self._queue)}
        )
        self.publish(EventsMissed())
