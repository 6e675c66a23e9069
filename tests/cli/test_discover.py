"""`antiphon discover`, as a person runs it."""

from __future__ import annotations

import io
import json

import pytest
from tests.cli.command import Run, antiphon, ca_file, options
from tests.client.lab import Plan, running

__all__ = ["antiphon", "ca_file"]  # fixtures

from antiphon.protocols.dns.authority import Record


async def test_each_step_is_printed_with_its_answer_and_its_conclusion(antiphon: Run, ca_file: str) -> None:
    async with running() as lab:
        code, out, err = await antiphon("discover", "alice@example.test", *options(lab, ca_file))
    assert (code, err) == (0, "")
    assert "SRV _cisco-uds._tcp.example.test" in out
    assert "0 0 8443 cucm1.example.test" in out
    assert "ok: home cluster cucm1.example.test, user alice" in out
    assert "antiphon login alice@example.test" in out


async def test_with_a_password_the_devices_are_read_and_json_tells_all(
    antiphon: Run, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pw-alice\n"))
    async with running() as lab:
        arguments = ["--json", "--password-file", "-", *options(lab, ca_file)]
        code, out, _ = await antiphon("discover", "alice@example.test", *arguments)
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "antiphon.discovery/1"
    assert document["provisioned"]["product_mode"] == "full UC"
    assert document["provisioned"]["devices"][0]["lines"] == ["1001", "1009"]
    assert all(step["ms"] >= 0 for step in document["steps"])
    assert "pw-alice" not in out


async def test_nothing_found_and_nobody_there_have_their_exit_codes(antiphon: Run, ca_file: str) -> None:
    empty = Plan(records=lambda _: (), http=False, files=False, sip={})
    async with running(empty) as lab:
        code, out, _ = await antiphon("discover", "alice@example.test", *options(lab, ca_file))
        assert code == 1
        assert "nothing found" in out
    code, _, _ = await antiphon("discover", "a@example.test", "--resolver", "127.0.0.1:9")
    assert code == 4


async def test_outside_is_a_place_too(antiphon: Run, ca_file: str) -> None:
    edge = Record("_collab-edge._tls.example.test", "SRV", "0 0 8443 edge1.example.test.")
    async with running(Plan(records=lambda _: [edge], http=False, files=False, sip={})) as lab:
        code, out, _ = await antiphon("discover", "alice@example.test", *options(lab, ca_file))
    assert code == 0
    assert "outside; edge1.example.test" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody"],
        ["a@b.test", "--link", "http://x"],
        ["a@b.test", "--resolver", "dns"],
        ["a@b.test", "--password-file", "/nothing"],
    ],
)
async def test_what_cannot_be_used_is_explained(antiphon: Run, arguments: list[str]) -> None:
    code, out, err = await antiphon("discover", *arguments)
    assert code == 2
    assert err
    assert "Traceback" not in err + out
