"""WebSocket (RFC 6455) as an `Endpoint` around an `Endpoint`: the same stream driver carries it, over TCP and TLS.

The inner endpoint sees one whole message per `received` and a `Flow` whose `send` makes one message. Text and binary
frames are both accepted (RFC 7118 §5 wants both); answers leave in the kind the peer used last, text to begin with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from antiphon.kernel.core import Address, Endpoint, Flow, Security

log = logging.getLogger(__name__)

OPENING_TIMEOUT_S = 10.0
MAX_MESSAGE = 262_144


class WebSocketEndpoint:
    """One connection: the opening handshake, then messages to and from the endpoint of the agreed subprotocol."""

    def __init__(
        self,
        inner: Mapping[str, Callable[[], Endpoint]],
        *,
        origins: tuple[str, ...] | None = None,
        page: Callable[[str], tuple[int, str, bytes] | None] | None = None,
    ) -> None:
        """`inner` maps a subprotocol (`xmpp`, `sip`) to what serves it. `origins` limits browsers to these origins.

        `page` answers plain GET requests by path with (status, content type, body), e.g. host-meta.
        """
        self._inner = inner
        self._page = page
        self._protocol = ServerProtocol(
            subprotocols=[Subprotocol(name) for name in inner],
            origins=None if origins is None else [*(Origin(name) for name in origins), None],
            max_size=MAX_MESSAGE,
        )
        self._endpoint: Endpoint | None = None
        self._flow: Flow | None = None
        self._opening_deadline: float | None = None
        self._partial: bytearray | None = None
        """A message whose last fragment has not come."""
        self.text = True

    @property
    def deadline(self) -> float | None:
        return self._endpoint.deadline if self._endpoint is not None else self._opening_deadline

    def opened(self, flow: Flow, now: float) -> None:
        self._flow = flow
        self._opening_deadline = now + OPENING_TIMEOUT_S

    def secured(self, now: float) -> None:
        raise AssertionError("a WebSocket flow never asks for STARTTLS")

    def received(self, data: bytes, now: float) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                self._answer(event, now)
            else:
                self._frame(event, now)
        self.write()

    def drained(self, now: float) -> None:
        if self._endpoint is not None:
            self._endpoint.drained(now)

    def expired(self, now: float) -> None:
        if self._endpoint is not None:
            self._endpoint.expired(now)
        elif self._flow is not None:
            self._flow.abort()

    def closed(self, now: float) -> None:
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.closed(now)

    def write(self) -> None:
        """Send what the protocol wants sent; an empty piece asks for the end of the connection."""
        flow = self._flow
        assert flow is not None
        for data in self._protocol.data_to_send():
            if data:
                flow.send(data)
            else:
                flow.close()

    def send(self, data: bytes) -> None:
        try:
            if self.text:
                self._protocol.send_text(data)
            else:
                self._protocol.send_binary(data)
        except InvalidState:
            return  # the peer has closed; what is sent after that is lost like on any connection
        self.write()

    def close(self) -> None:
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self.write()
        if self._flow is not None:
            self._flow.close()

    def _answer(self, request: Request, now: float) -> None:
        response = self._plain(request) or self._protocol.accept(request)
        if response.status_code == 101 and self._protocol.subprotocol is None:
            response = self._protocol.reject(
                400, "A subprotocol is required: " + ", ".join(self._inner) + "\n"
            )
        self._protocol.send_response(response)
        self.write()
        if response.status_code != 101:
            return
        flow, subprotocol = self._flow, self._protocol.subprotocol
        assert flow is not None
        assert subprotocol is not None
        self._endpoint = self._inner[subprotocol]()
        self._endpoint.opened(WebSocketFlow(self, flow), now)

    def _plain(self, request: Request) -> Response | None:
        if self._page is None or "Upgrade" in request.headers:
            return None
        found = self._page(request.path.partition("?")[0])
        if found is None:
            return None
        status, content_type, body = found
        response = self._protocol.reject(status, "")
        del response.headers["Content-Type"]
        del response.headers["Content-Length"]
        response.headers["Content-Type"] = content_type
        response.headers["Content-Length"] = str(len(body))
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.body = body
        return response

    def _frame(self, event: object, now: float) -> None:
        if not isinstance(event, Frame) or self._endpoint is None:
            return
        if event.opcode in (Opcode.TEXT, Opcode.BINARY):
            self.text = event.opcode is Opcode.TEXT
        elif event.opcode is not Opcode.CONT:
            return
        data = bytes(event.data)
        if self._partial is not None:
            self._partial += data  # empty fragments without end take no memory
            if not event.fin:
                return
            data, self._partial = bytes(self._partial), None
        elif not event.fin:
            self._partial = bytearray(data)
            return
        if self.text and not _is_text(data):
            self._protocol.fail(CloseCode.INVALID_DATA)  # RFC 6455 §8.1
            return
        self._endpoint.received(data, now)


def _is_text(data: bytes) -> bool:
    try:
        return data.isascii() or data.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


class WebSocketFlow:
    """The inner endpoint's `Flow`: one `send`, one message."""

    __slots__ = ("_flow", "_socket")

    def __init__(self, socket: WebSocketEndpoint, flow: Flow) -> None:
        self._socket = socket
        self._flow = flow

    @property
    def transport(self) -> str:
        return "wss" if self._flow.security is not None else "ws"

    @property
    def local(self) -> Address:
        return self._flow.local

    @property
    def peer(self) -> Address:
        return self._flow.peer

    @property
    def security(self) -> Security | None:
        return self._flow.security

    @property
    def pending(self) -> int:
        return self._flow.pending

    def send(self, data: bytes) -> None:
        self._socket.send(data)

    def start_tls(self) -> None:
        raise RuntimeError("a WebSocket has no STARTTLS")

    def pause_reading(self) -> None:
        self._flow.pause_reading()

    def resume_reading(self) -> None:
        self._flow.resume_reading()

    def close(self) -> None:
        self._socket.close()

    def abort(self) -> None:
        self._flow.abort()
