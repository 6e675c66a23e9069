"""A client somebody else wrote and our command line chat with each other through a whole running lab."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
import slixmpp
from tests.interop.test_sipp import access_token
from tests.interop.test_slixmpp import OAuthBearer
from tests.lab import RunningLab

pytestmark = pytest.mark.interop
WAIT_S = 20


class Person(slixmpp.ClientXMPP):
    def __init__(self, lab: RunningLab, userid: str, password: str) -> None:
        super().__init__(f"{userid}@example.test/slix", password)
        self.ca_certs = Path(lab.environment["ca_file"])
        self.enable_direct_tls = False
        self.here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.add_event_handler("session_start", self._start)
        self.add_event_handler("message", lambda message: self.heard.put_nowait(str(message["body"])))

    def _start(self, event: object) -> None:
        self.send_presence()
        self.here.set_result(None)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", OAuthBearer.name])
async def test_slixmpp_and_the_command_line_chat(lab: RunningLab, state: Path, mechanism: str) -> None:
    grace, frank = lab.user("grace"), lab.user("frank")
    signed_in = lab.cli(
        "login", grace["address"], "--password-file", "-", state=state, input=grace["password"]
    )
    assert signed_in.returncode == 0, signed_in.stderr
    person = Person(lab, "frank", frank["password"])
    person.plugin["feature_mechanisms"].use_mechs = {mechanism}
    if mechanism == OAuthBearer.name:
        person.credentials["access_token"] = access_token(lab, "frank")
    person.connect(lab.im_address, 5222)
    await asyncio.wait_for(person.here, WAIT_S)
    chat = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "antiphon.cli.main", "chat", frank["address"], "--message", "Lunch?", "--wait", "15",
        "--json", env=lab.client_environment(state), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await asyncio.wait_for(person.heard.get(), WAIT_S) == "Lunch?"
    person.send_message(mto=slixmpp.JID(grace["address"]), mbody="At noon", mtype="chat")
    output, _ = await asyncio.wait_for(chat.communicate(), WAIT_S)
    said = [json.loads(line) for line in output.splitlines()]
    assert [line["body"] for line in said if line["event"] == "message"] == ["At noon"]
    assert chat.returncode == 0
    await asyncio.wait_for(person.disconnect(), WAIT_S)
