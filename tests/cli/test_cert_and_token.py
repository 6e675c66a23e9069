"""`antiphon cert` and `antiphon token` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from tests.interfaces.http.client import Served, in_thread
from tests.interfaces.http.conftest import served  # noqa: F401
from tests.services.trust.authority import sign

from antiphon.cli import cert, token
from antiphon.client.environment import Environment
from antiphon.client.oauth import Endpoints, Tokens
from antiphon.client.record import Records, SignIn
from antiphon.kernel.errors import DomainError
from antiphon.protocols.x509.chain import fingerprint
from antiphon.protocols.x509.issue import certificates_pem, make_authority


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("ANTIPHON_CREDENTIALS", "file")
    return tmp_path


async def sign_in(served: Served, userid: str = "root") -> None:  # noqa: F811
    tokens = await served.sign_in(userid)
    record = SignIn(
        f"{userid}@example.test",
        userid,
        "example.test",
        served.origin,
        Endpoints(served.origin, f"{served.origin}/ssosp/oauth/token"),
        Tokens(tokens.access_token, 4e9, tokens.refresh_token, 4e9),
        Environment(ca_file=served.ca_file),
    )
    Records().save(record, make_current=True)


async def run(*arguments: str) -> int:
    app = cert.app if arguments[0] == "cert" else token.app
    result = await in_thread(app, list(arguments[1:]), result_action="return_value")
    assert isinstance(result, int)
    return result


async def test_certificates_are_listed_shown_renewed_and_exported(
    served: Served,  # noqa: F811
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await sign_in(served)
    assert await run("cert", "list", "--json") in (0, 3)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(line["node"], line["purpose"]) for line in lines} == {
        ("cucm1.example.test", "tomcat"),
        ("imp1.example.test", "cup-xmpp"),
    }
    before = served.trust.certificate("cucm1.example.test", "tomcat").der
    assert await run("cert", "renew", "cucm1.example.test") == 0
    assert served.trust.certificate("cucm1.example.test", "tomcat").der != before
    capsys.readouterr()
    assert await run("cert", "show", "imp1.example.test", "cup-xmpp") == 0
    shown = capsys.readouterr().out
    assert "xmppAddr:    example.test" in shown
    assert "-----BEGIN CERTIFICATE-----" in shown
    assert await run("cert", "ca", "export", "--out", str(home / "root.pem")) == 0
    assert x509.load_pem_x509_certificates((home / "root.pem").read_bytes()) == [served.trust.root]


async def test_a_request_is_written_and_the_signed_certificate_imported(
    served: Served,  # noqa: F811
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await sign_in(served)
    out = home / "imp1.csr"
    where = ("imp1.example.test", "cup-xmpp")
    assert (
        await run("cert", "csr", *where, "--organisation", "Example", "--country", "FR", "--out", str(out))
        == 0
    )
    request = x509.load_pem_x509_csr(out.read_bytes())
    public = make_authority("Public", served.house.time.wall(), 100)
    signed = home / "imp1.pem"
    leaf = sign(public, request, served.house.time.wall())
    signed.write_bytes(certificates_pem(leaf, public.certificate))
    assert await run("cert", "import", where[0], str(signed), where[1]) == 0
    assert fingerprint(leaf) in capsys.readouterr().out
    assert await run("cert", "trusted", "add", str(signed)) == 0
    assert "Trusted: CN=Public" in capsys.readouterr().out
    assert await run("cert", "import", where[0], str(home / "missing.pem")) == 2


async def test_what_the_server_refuses_is_raised_with_its_code(served: Served, home: Path) -> None:  # noqa: F811
    await sign_in(served, "alice")
    for arguments in (("cert", "list"), ("token", "rotate-key"), ("token", "revoke", "root")):
        with pytest.raises(DomainError) as error:
            await run(*arguments)
        assert error.value.code == "AP-ID-009"
        assert error.value.fault.fix


async def test_sign_ins_are_listed_and_ended(
    served: Served,  # noqa: F811
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    phone = await served.sign_in("alice")
    await sign_in(served)
    assert await run("token", "show") == 0
    assert "root (administrator)" in capsys.readouterr().out
    assert await run("token", "list", "alice") == 0
    assert phone.session_id in capsys.readouterr().out
    assert await run("token", "revoke", "alice") == 0
    assert "Sign-ins ended: 1" in capsys.readouterr().out
    with pytest.raises(DomainError):
        served.house.identity.verify_token(phone.access_token)
    assert await run("token", "revoke") == 2
    assert await run("token", "settings", "--access-token-minutes", "30") == 0
    assert served.house.identity.settings.access_token_minutes == 30


async def test_a_token_and_a_server_may_be_named_instead_of_the_sign_in(
    served: Served,  # noqa: F811
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tokens = await served.sign_in("root")
    as_root = ("--token", tokens.access_token, "--ca-file", str(served.ca_file))
    assert await run("token", "show", *as_root, "--server", served.origin) == 0
    assert "root (administrator)" in capsys.readouterr().out
    with pytest.raises(DomainError) as error:
        await run("cert", "list", *as_root)
    assert error.value.code == "AP-CLI-001"


async def test_a_server_that_does_not_answer_is_exit_code_4(home: Path) -> None:
    with pytest.raises(DomainError) as error:
        await run("cert", "list", "--token", "x", "--server", "https://127.0.0.1:1")
    assert (error.value.code, error.value.exit_code) == ("AP-CLIENT-004", 4)
