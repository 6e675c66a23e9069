"""`antiphon trust`: the three ways to trust a server. Source: S4-16 … S4-20."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.interfaces.http.client import Served, in_thread
from tests.interfaces.http.conftest import served  # noqa: F401

from antiphon.cli import trust


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


async def run(*arguments: str) -> int:
    result = await in_thread(trust.app, [*arguments], result_action="return_value")
    assert isinstance(result, int)
    return result


def where(served: Served) -> tuple[str, str]:  # noqa: F811
    host, _, port = served.origin.removeprefix("https://").partition(":")
    return host, port


async def shown(served: Served, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:  # noqa: F811
    capsys.readouterr()
    await run("show", *where(served), "--json")
    said: dict[str, object] = json.loads(capsys.readouterr().out)
    return said


async def test_a_server_is_shown_accepted_by_its_fingerprint_and_forgotten(
    served: Served,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run("show", *where(served)) == 3
    assert "AP-CRT-020" in capsys.readouterr().out
    said = await shown(served, capsys)
    assert (said["trusted"], said["names_match"]) == (False, True)
    assert await run("accept", *where(served), "--fingerprint", "AA:BB") == 5
    assert await run("accept", *where(served)) == 2
    assert await run("show", *where(served)) == 3
    assert await run("accept", *where(served), "--fingerprint", str(said["fingerprint"])) == 0
    assert await run("show", *where(served)) == 0
    capsys.readouterr()
    assert await run("list") == 0
    assert str(said["fingerprint"]) in capsys.readouterr().out
    assert await run("forget", *where(served)) == 0
    assert await run("forget", *where(served)) == 1
    assert await run("show", *where(served)) == 3


async def test_an_exported_authority_is_installed_and_removed(
    served: Served,  # noqa: F811
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await run("install", str(served.ca_file)) == 0
    assert (await shown(served, capsys))["trusted"] is True
    assert await run("list", "--json") == 0
    installed = json.loads(capsys.readouterr().out)
    assert await run("forget", installed["fingerprint"][:20]) == 0
    assert (await shown(served, capsys))["trusted"] is False
    assert await run("install", str(home / "missing.pem")) == 2


async def test_a_chat_server_must_name_its_domain(served: Served, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    await run("install", str(served.ca_file))
    capsys.readouterr()
    assert await run("show", *where(served), "--domain", "example.test") == 3
    assert "AP-CRT-021" in capsys.readouterr().out
