"""`antiphon cert`: the servers' certificates, and whom the servers trust."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cyclopts

from antiphon.cli.asking import ask, fetch
from antiphon.cli.entries import Connection
from antiphon.cli.language import _
from antiphon.cli.output import Output

app = cyclopts.App(name="cert", help="Certificates of the servers.")
ca = cyclopts.App(name="ca", help="The deployment's own certificate authority.")
app.command(ca)
trusted = cyclopts.App(
    name="trusted", help="Further authorities whose certificates the servers accept from peers."
)
app.command(trusted)

_PREFIX = "/api/v1/trust"


@app.command
def list(*, json: bool = False, connection: Connection | None = None) -> int:  # noqa: A001
    """List the certificates; what expires first comes first. Exit code 3 when one expires within 30 days.

    Example: antiphon cert list

    Parameters
    ----------
    json
        Write JSON lines.
    """
    items = ask(connection, "GET", f"{_PREFIX}/certificates")["items"]
    output = Output("antiphon.cert/1", json)
    for item in items:
        signer = _("own authority") if item["ours"] else item["issued_by"]
        line = f"{item['node']:<28} {item['purpose']:<12} {item['not_after'][:10]}  {signer}"
        output.event("certificate", line, **item)
    return 3 if any(_days_left(item["not_after"]) < 30 for item in items) else 0


@app.command
def show(
    node: str, purpose: str = "tomcat", *, json: bool = False, connection: Connection | None = None
) -> int:
    """Show one certificate: names, dates, who signed it, its fingerprint.

    Example: antiphon cert show imp1.example.test cup-xmpp

    Parameters
    ----------
    node
        The server's name.
    purpose
        tomcat, cup-xmpp or callmanager.
    json
        Write JSON lines.
    """
    item = ask(connection, "GET", _path(node, purpose))
    rows = [
        (_("issued to"), item["issued_to"]),
        (_("issued by"), item["issued_by"] + (f" ({_('self-signed')})" if item["self_signed"] else "")),
        (_("valid"), f"{item['not_before'][:10]} … {item['not_after'][:10]}"),
        ("SHA-256", item["fingerprint"]),
        ("dNSName", ", ".join(item["dns_names"])),
        ("srvName", ", ".join(item["srv_names"])),
        ("xmppAddr", ", ".join(item["xmpp_addrs"])),
    ]
    lines = "\n".join(f"{name + ':':<12} {value}" for name, value in rows if value)
    Output("antiphon.cert/1", json).event("certificate", f"{lines}\n{item['pem']}".rstrip(), **item)
    return 0


@app.command
def csr(
    node: str,
    purpose: str = "tomcat",
    *,
    organisation: str = "",
    unit: str = "",
    locality: str = "",
    state: str = "",
    country: str = "",
    key: str = "ec-256",
    leave_out_domain: bool = False,
    out: str = "-",
    connection: Connection | None = None,
) -> int:
    """Make a signing request for another authority. The certificate in use stays until the signed one is imported.

    Example: antiphon cert csr imp1.example.test cup-xmpp --organisation Example --country FR --out imp1.csr

    Parameters
    ----------
    node
        The server's name.
    purpose
        tomcat, cup-xmpp or callmanager.
    organisation
        O of the subject. Authorities refuse characters such as @ & !
    unit
        OU of the subject.
    locality
        L of the subject.
    state
        ST of the subject.
    country
        C of the subject: two letters.
    key
        ec-256, ec-384, rsa-2048, rsa-3072 or rsa-4096: what the authority asks for.
    leave_out_domain
        Name only the server itself, for authorities that sign one name a certificate.
    out
        A file; - is standard output.
    """
    fields = {"O": organisation, "OU": unit, "L": locality, "ST": state, "C": country}
    body = {
        "subject": {name: value for name, value in fields.items() if value},
        "key": key,
        "domain": not leave_out_domain,
    }
    return _write(out, ask(connection, "POST", f"{_path(node, purpose)}/request", json=body)["pem"].encode())


@app.command(name="import")
def import_(
    node: str, file: str, purpose: str = "tomcat", *, json: bool = False, connection: Connection | None = None
) -> int:
    """Use the certificate that an authority made of the request; new connections get it at once, nobody is disconnected.

    Example: antiphon cert import imp1.example.test imp1.pem cup-xmpp

    Parameters
    ----------
    node
        The server's name.
    file
        The certificate and the authorities above it (PEM, any order), or the certificate (DER); - is standard input.
    purpose
        tomcat, cup-xmpp or callmanager.
    json
        Write JSON lines.
    """
    data = _read(file)
    if data is None:
        return 2
    return _changed(ask(connection, "PUT", _path(node, purpose), content=data), json)


@app.command
def renew(
    node: str,
    purpose: str = "tomcat",
    *,
    own: bool = False,
    json: bool = False,
    connection: Connection | None = None,
) -> int:
    """Make a certificate anew, with a new key, by the deployment's own authority.

    Example: antiphon cert renew imp1.example.test cup-xmpp

    Parameters
    ----------
    node
        The server's name.
    purpose
        tomcat, cup-xmpp or callmanager.
    own
        Also when the one in use was signed by another authority: go back to the own one.
    json
        Write JSON lines.
    """
    return _changed(ask(connection, "POST", f"{_path(node, purpose)}/{'restore' if own else 'renew'}"), json)


@ca.command
def export(*, out: str = "-", connection: Connection | None = None) -> int:
    """Write the root certificate that devices import to trust this deployment.

    Parameters
    ----------
    out
        A file; - is standard output.
    """
    return _write(out, fetch(connection, f"{_PREFIX}/ca.pem"))


@trusted.command(name="list")
def list_trusted(*, json: bool = False, connection: Connection | None = None) -> int:
    """List the authorities whose certificates the servers accept from peers.

    Parameters
    ----------
    json
        Write JSON lines.
    """
    output = Output("antiphon.cert/1", json)
    for item in ask(connection, "GET", f"{_PREFIX}/authorities")["items"]:
        output.event(
            "authority", f"{item['fingerprint']}  {item['not_after'][:10]}  {item['issued_to']}", **item
        )
    return 0


@trusted.command
def add(file: str, *, json: bool = False, connection: Connection | None = None) -> int:
    """Accept peers whose certificate one of these authorities signed, for example an edge server.

    Parameters
    ----------
    file
        PEM or DER; - is standard input.
    json
        Write JSON lines.
    """
    data = _read(file)
    if data is None:
        return 2
    output = Output("antiphon.cert/1", json)
    for item in ask(connection, "POST", f"{_PREFIX}/authorities", content=data)["items"]:
        output.event("authority", _("Trusted: {name}").format(name=item["issued_to"]), **item)
    return 0


@trusted.command
def remove(fingerprint: str, *, connection: Connection | None = None) -> int:
    """Trust an authority no longer.

    Parameters
    ----------
    fingerprint
        As `antiphon cert trusted list` prints it.
    """
    ask(connection, "DELETE", f"{_PREFIX}/authorities/{fingerprint}")
    return 0


def _path(node: str, purpose: str) -> str:
    from urllib.parse import quote

    return f"{_PREFIX}/certificates/{quote(node, safe='')}/{quote(purpose, safe='')}"


def _changed(item: dict[str, Any], json: bool) -> int:
    line = _("{node} {purpose}: in use until {date}, SHA-256 {fingerprint}").format(
        node=item["node"],
        purpose=item["purpose"],
        date=item["not_after"][:10],
        fingerprint=item["fingerprint"],
    )
    Output("antiphon.cert/1", json).event("certificate", line, **item)
    return 0


def _days_left(not_after: str) -> float:
    from datetime import UTC, datetime

    return (datetime.fromisoformat(not_after) - datetime.now(UTC)).total_seconds() / 86400


def _read(file: str) -> bytes | None:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        print(_("The file cannot be read: {why}").format(why=error.strerror), file=sys.stderr)
        return None


def _write(out: str, data: bytes) -> int:
    if out == "-":
        sys.stdout.write(data.decode("ascii"))
        return 0
    try:
        Path(out).write_bytes(data)
    except OSError as error:
        print(_("The file cannot be written: {why}").format(why=error.strerror), file=sys.stderr)
        return 2
    return 0
