"""`antiphon trust`: whom the commands on this machine trust. Source: S4-6, S4-16 … S4-20, S4-29 … S4-31."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.trust import Presented

app = cyclopts.App(name="trust", help="Whom the commands on this machine trust.")

_SCHEMA = "antiphon.trust/1"
Resolver = Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_RESOLVER")]
CaFile = Annotated[str, cyclopts.Parameter(env_var="ANTIPHON_CA_FILE")]


@app.command
def show(
    host: str,
    port: int = 8443,
    *,
    domain: str = "",
    resolver: Resolver = "",
    ca_file: CaFile = "",
    json: bool = False,
) -> int:
    """Show the certificate of a server, and whether it is trusted. Exit code 3 when it is not.

    Example: antiphon trust show cucm1.example.test

    Parameters
    ----------
    host
        The server's name.
    port
        A port with TLS from the first byte.
    domain
        For a chat server: the domain that its certificate must name.
    resolver
        The name server to ask, HOST:PORT.
    ca_file
        Certificates (PEM) of authorities to trust beside the system's.
    json
        Write JSON lines.
    """
    seen, why = asyncio.run(_look(host, port, domain, resolver, ca_file))
    _print(seen, why, Output(_SCHEMA, json))
    return 3 if why else 0


@app.command
def accept(
    host: str,
    port: int = 8443,
    *,
    domain: str = "",
    fingerprint: str = "",
    resolver: Resolver = "",
    ca_file: CaFile = "",
    json: bool = False,
) -> int:
    """Trust a server's certificate from now on, after you have compared it. Later it must show the very same one.

    Example: antiphon trust accept cucm1.example.test

    Parameters
    ----------
    host
        The server's name.
    port
        A port with TLS from the first byte; what is accepted counts for the server's other ports too.
    domain
        For a chat server: the domain that is accepted.
    fingerprint
        The SHA-256 fingerprint that the administrator told you; without it you are asked.
    resolver
        The name server to ask, HOST:PORT.
    ca_file
        Certificates (PEM) of authorities to trust beside the system's.
    json
        Write JSON lines.
    """
    from antiphon.client.environment import Environment

    seen, why = asyncio.run(_look(host, port, domain, resolver, ca_file))
    output = Output(_SCHEMA, json)
    if fingerprint:
        agreed = fingerprint.replace(":", "").upper() == seen.fingerprint.replace(":", "")
    elif sys.stdin.isatty():
        _print(seen, why, output)
        agreed = (
            input(_("Is this the fingerprint your administrator told you? [y/N] ")).strip().lower() == "y"
        )
    else:
        print(_("Name the expected --fingerprint: there is nobody to ask."), file=sys.stderr)
        return 2
    if not agreed:
        output.event(
            "refused", _("Not accepted: the server shows {fingerprint}.").format(fingerprint=seen.fingerprint)
        )
        return 5
    Environment.parse(resolver, ca_file).trust().accept(domain or host, port, seen.certificate)
    output.event(
        "accepted", _("Accepted for {host}.").format(host=domain or host), fingerprint=seen.fingerprint
    )
    return 0


@app.command
def install(file: str, *, json: bool = False) -> int:
    """Trust an authority, or a server's self-signed certificate, for every server that it names.

    Example: antiphon trust install antiphon-ca.pem

    Parameters
    ----------
    file
        PEM or DER; - is standard input.
    json
        Write JSON lines.
    """
    from antiphon.client.environment import Environment
    from antiphon.protocols.x509 import chain

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        print(_("The file cannot be read: {why}").format(why=error.strerror), file=sys.stderr)
        return 2
    output = Output(_SCHEMA, json)
    for certificate in Environment().trust().install(data):
        name = certificate.subject.rfc4514_string()
        line = _("Trusted: {name}").format(name=name)
        output.event("installed", line, name=name, fingerprint=chain.fingerprint(certificate))
    return 0


@app.command
def list(*, json: bool = False) -> int:  # noqa: A001
    """List what was installed and accepted on this machine.

    Example: antiphon trust list

    Parameters
    ----------
    json
        Write JSON lines.
    """
    from antiphon.client.environment import Environment
    from antiphon.protocols.x509.chain import fingerprint

    store, output = Environment().trust(), Output(_SCHEMA, json)
    for certificate in store.authorities():
        name, seen = certificate.subject.rfc4514_string(), fingerprint(certificate)
        output.event(
            "installed", f"{_('installed'):<10} {name}\n           {seen}", name=name, fingerprint=seen
        )
    for host, port, certificate in store.all_accepted():
        seen = fingerprint(certificate)
        line = f"{_('accepted'):<10} {host}:{port}\n           {seen}"
        output.event("accepted", line, host=host, port=port, fingerprint=seen)
    return 0


@app.command
def forget(what: str, port: int = 8443) -> int:
    """Trust no longer: a server by its name (and port), or an installed certificate by its fingerprint.

    Example: antiphon trust forget cucm1.example.test

    Parameters
    ----------
    what
        A host, a domain, or the beginning of a fingerprint (at least eight characters).
    port
        The port that the certificate was accepted for.
    """
    from antiphon.client.environment import Environment

    store = Environment().trust()
    hexadecimal = what.replace(":", "")
    removed = int(store.forget(what, port))
    if (
        not removed
        and len(hexadecimal) >= 8
        and all(each in "0123456789abcdefABCDEF" for each in hexadecimal)
    ):
        removed = store.remove(hexadecimal)
    if not removed:
        print(_("Nothing of that name is trusted here."), file=sys.stderr)
    return 0 if removed else 1


async def _look(host: str, port: int, domain: str, resolver: str, ca_file: str) -> tuple[Presented, str]:
    """What the server shows, and why it is not trusted; empty when it is. Raises AP-CLIENT-004."""
    from antiphon.client.environment import Environment
    from antiphon.client.errors import SERVER_UNREACHABLE
    from antiphon.client.trust import describe, presented
    from antiphon.kernel.errors import DomainError
    from antiphon.protocols.x509.identity import Expected

    around = Environment.parse(resolver, ca_file)
    expected = Expected.for_xmpp(domain) if domain else Expected(host)
    found = await around.open_resolver().address(host)
    if not found.addresses:
        raise SERVER_UNREACHABLE.error(f"{host}: {found.outcome.value}")
    try:
        der = await presented(found.addresses[0], port, expected.host)
    except (OSError, TimeoutError) as error:
        raise SERVER_UNREACHABLE.error(f"{host}:{port}: {error or type(error).__name__}") from error
    store, why = around.trust(), ""
    try:
        _reader, writer = await asyncio.open_connection(
            found.addresses[0], port, ssl=store.context(expected, port), server_hostname=expected.host
        )
        writer.close()
        await writer.wait_closed()
        store.check(der, expected, port)
    except ssl.SSLError as error:
        why = str(store.explain(error, expected, port))
    except DomainError as error:
        why = str(error)
    except OSError as error:
        raise SERVER_UNREACHABLE.error(f"{host}:{port}: {error}") from error
    return describe(der, expected, time.time()), why


def _print(seen: Presented, why: str, output: Output) -> None:
    rows = [
        (_("issued to"), seen.issued_to),
        (_("issued by"), seen.issued_by + (f" ({_('self-signed')})" if seen.self_signed else "")),
        ("SHA-256", seen.fingerprint),
        (_("names"), ", ".join((*seen.names.xmpp_addrs, *seen.names.srv_names, *seen.names.dns_names))),
        (_("trusted"), why or _("yes")),
    ]
    lines = "\n".join(f"{name + ':':<12} {value}" for name, value in rows)
    output.event(
        "certificate",
        lines,
        issued_to=seen.issued_to,
        issued_by=seen.issued_by,
        self_signed=seen.self_signed,
        fingerprint=seen.fingerprint,
        names_match=seen.names_match,
        validity=seen.validity,
        trusted=not why,
        why=why,
    )
