"""One SIP connection over TLS, for tests that look at registrations from outside."""

from __future__ import annotations

import asyncio
import ssl

from tests.roles.conftest import NAME

from antiphon.protocols.sip.framing import Framer
from antiphon.protocols.sip.message import Response


class SipClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._framer = Framer()
        self._cseq = 0

    @classmethod
    async def connect(cls, host: str, port: int, context: ssl.SSLContext) -> SipClient:
        return cls(*await asyncio.open_connection(host, port, ssl=context, server_hostname=NAME))

    async def register(self, number: str, device: str, token: str) -> Response:
        self._cseq += 1
        self._writer.write(
            (
                f"REGISTER sip:{NAME} SIP/2.0\r\n"
                f"Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK{device}{self._cseq}\r\n"
                f"From: <sip:{number}@{NAME}>;tag=1\r\nTo: <sip:{number}@{NAME}>\r\n"
                f"Call-ID: {device}@192.0.2.1\r\nCSeq: {self._cseq} REGISTER\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:{number}@192.0.2.1:5061;transport=tls>"
                f';+u.sip!devicename.ccm.cisco.com="{device}"\r\n'
                f"Authorization: Bearer {token}\r\nExpires: 120\r\nContent-Length: 0\r\n\r\n"
            ).encode()
        )
        return await self._response()

    async def _response(self) -> Response:
        async with asyncio.timeout(5):
            while data := await self._reader.read(65536):
                for frame in self._framer.feed(data):
                    if isinstance(frame, Response):
                        return frame
        raise ConnectionResetError("closed instead of an answer")

    async def ended(self) -> None:
        """Returns when the other side has closed; raises TimeoutError when it does not."""
        async with asyncio.timeout(5):
            try:
                while await self._reader.read(65536):
                    continue
            except (ConnectionError, ssl.SSLError):
                return

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return
