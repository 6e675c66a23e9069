"""Connections of the doctor: knocking at ports, looking at certificates whatever they are, one exchange of text."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cryptography import x509

from antiphon.io.dns_client import Resolver

CONNECT_S = 5.0
ANSWER_S = 5.0
MAX_ANSWER = 64 * 1024

_FAILURES = (OSError, ssl.SSLError, TimeoutError, EOFError, ValueError)


class Reached(enum.Enum):
    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"
    NO_ADDRESS = "no address"


class StartTls(enum.Enum):
    """What comes before the handshake."""

    NOTHING = "nothing"
    XMPP = "xmpp"


@dataclass(frozen=True, slots=True)
class Presented:
    """What a TLS server has shown."""

    certificate: x509.Certificate | None
    """The leaf; None where there was no handshake at all."""
    trusted: bool
    trouble: str
    """Why the chain is not trusted, or why there was no handshake."""


async def knock(resolver: Resolver, host: str, port: int) -> Reached:
    """Connect and go away."""
    answer = await resolver.address(host)
    state = Reached.NO_ADDRESS
    for address in answer.addresses:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            state = Reached.CLOSED
        except (OSError, TimeoutError):
            state = Reached.SILENT
        else:
            writer.close()
            return Reached.OPEN
    return state


async def certificate_of(
    resolver: Resolver, context: ssl.SSLContext, host: str, port: int, before: StartTls, domain: str
) -> Presented:
    """The certificate, and whether `context`'s authorities vouch for it; the names in it are for the caller to judge.
    `context` is one of `chain_only_context`.

    Two handshakes when the first does not trust: the second looks at what was not trusted and sends nothing.
    """
    trouble = ""
    for trusting in (context, _blind()):
        try:
            async with _opened(resolver, host, port, before, domain, trusting) as (_, writer):
                der = writer.get_extra_info("ssl_object").getpeercert(True)
                return Presented(x509.load_der_x509_certificate(der), not trouble, trouble)
        except ssl.SSLCertVerificationError as error:
            trouble = error.verify_message
        except _FAILURES as error:
            return Presented(None, False, readable(error))
    return Presented(None, False, trouble)


async def exchange(
    resolver: Resolver, context: ssl.SSLContext | None, host: str, port: int, data: bytes
) -> bytes:
    """Send, and read up to the first empty line. Raises OSError, ssl.SSLError, TimeoutError or EOFError."""
    async with _opened(resolver, host, port, StartTls.NOTHING, "", context) as (reader, writer):
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(ANSWER_S):
            try:
                return await reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError as error:
                raise EOFError("the answer is too long") from error


def readable(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


@contextlib.asynccontextmanager
async def _opened(
    resolver: Resolver, host: str, port: int, before: StartTls, domain: str, context: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    answer = await resolver.address(host)
    if not answer.addresses:
        raise OSError(f"{host}: {answer.outcome.value}")
    address = answer.addresses[0]
    async with asyncio.timeout(CONNECT_S):
        if context is not None and before is StartTls.NOTHING:
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host, limit=MAX_ANSWER
            )
        else:
            reader, writer = await asyncio.open_connection(address, port, limit=MAX_ANSWER)
    try:
        if context is not None and before is StartTls.XMPP:
            async with asyncio.timeout(ANSWER_S):
                await _start_tls(reader, writer, domain, context)
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await writer.wait_closed()


async def _start_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, domain: str, context: ssl.SSLContext
) -> None:
    """RFC 6120 §5.4. `domain` is checked to be a plain host name before it comes here."""
    writer.write(
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
    )
    features = await reader.readuntil(b"</stream:features>")
    if b"urn:ietf:params:xml:ns:xmpp-tls" not in features:
        raise EOFError("STARTTLS is not offered")
    writer.write(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    if b"<proceed" not in await reader.readuntil(b">"):
        raise EOFError("STARTTLS was refused")
    await writer.start_tls(context, server_hostname=domain)


def chain_only_context(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same authorities, names not compared: the doctor compares them itself, in the documented order."""
    chain_only = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    chain_only.check_hostname = False
    chain_only.verify_mode = ssl.CERT_REQUIRED
    if authorities := b"".join(context.get_ca_certs(binary_form=True)):
        chain_only.load_verify_locations(cadata=authorities)
    return chain_only


def _blind() -> ssl.SSLContext:
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    return blind
