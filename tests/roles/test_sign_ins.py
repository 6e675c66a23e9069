"""What ends when a sign-in does, and what it says to chat clients, on a running node."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl

from tests.roles.conftest import RunningNode
from tests.roles.sip_client import SipClient

from antiphon import __version__
from antiphon.model import Device, DeviceLine


async def test_ending_one_sign_in_ends_the_phone_it_belongs_to_and_no_other(node: RunningNode) -> None:
    services, context = node.services, ssl.create_default_context(cadata=node.trust.ca_pem().decode())
    await services.directory.put_device(Device("TCTALICE", "", owner="alice", lines=(DeviceLine("1001"),)))
    softphone = await SipClient.connect(node.node.address, 5090, context)
    mobile = await SipClient.connect(node.node.address, 5090, context)
    tokens = {name: await node.token("alice", session_id=name) for name in ("desk", "hand")}
    assert (await softphone.register("1001", "CSFALICE", tokens["desk"])).status == 200
    assert (await mobile.register("1001", "TCTALICE", tokens["hand"])).status == 200

    assert await services.identity.revoke(session_id="desk") == 1
    await softphone.ended()
    assert [binding.device for binding in services.registrar.bindings("1001")] == ["TCTALICE"]
    assert (await mobile.register("1001", "TCTALICE", tokens["hand"])).status == 200

    again = await SipClient.connect(node.node.address, 5090, context)
    assert (await again.register("1001", "CSFALICE", tokens["desk"])).status == 407
    for client in (softphone, mobile, again):
        await client.close()


async def test_a_phone_that_has_signed_in_anew_on_its_connection_outlives_the_old_sign_in(
    node: RunningNode,
) -> None:
    context = ssl.create_default_context(cadata=node.trust.ca_pem().decode())
    phone = await SipClient.connect(node.node.address, 5090, context)
    for session in ("first", "second"):
        token = await node.token("alice", session_id=session)
        assert (await phone.register("1001", "CSFALICE", token)).status == 200
    await node.services.identity.revoke(session_id="first")
    assert len(node.services.registrar.bindings("1001")) == 1
    assert (await phone.register("1001", "CSFALICE", token)).status == 200
    await phone.close()


class Chat:
    """A chat connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, node: RunningNode) -> Chat:
        context = ssl.create_default_context(cadata=node.trust.ca_pem().decode())
        chat = cls(
            *await asyncio.open_connection(
                node.node.address, 5223, ssl=context, server_hostname="example.test"
            )
        )
        await chat.begin()
        return chat

    async def begin(self) -> None:
        head = "<stream:stream to='example.test' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        await self.ask(head, "</stream:features>")

    async def ask(self, text: str, end: str) -> str:
        """What is answered, up to and with `end`."""
        self._writer.write(text.encode())
        async with asyncio.timeout(5):
            return (await self._reader.readuntil(end.encode())).decode()

    async def bearer(self, token: str, end: str) -> str:
        proof = base64.b64encode(f"n,,\x01auth=Bearer {token}\x01\x01".encode()).decode()
        head = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='OAUTHBEARER'>"
        return await self.ask(f"{head}{proof}</auth>", end)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def test_a_chat_client_with_a_void_token_is_told_where_to_get_another(node: RunningNode) -> None:
    chat = await Chat.open(node)
    answer = await chat.bearer("void", "</challenge>")
    await chat.close()
    (data,) = re.findall(r"<challenge[^>]*>([^<]+)<", answer)
    said = json.loads(base64.b64decode(data))
    url = "https://cucm1.example.test:8443/.well-known/oauth-authorization-server"
    assert said["openid-configuration"] == url


async def test_the_chat_server_says_its_version_and_whom_to_write_to(node: RunningNode) -> None:
    chat = await Chat.open(node)
    await chat.bearer(await node.token("alice"), "</success>")
    await chat.begin()
    await chat.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "</iq>")
    version = await chat.ask(
        "<iq type='get' id='v' to='example.test'><query xmlns='jabber:iq:version'/></iq>", "</iq>"
    )
    assert "<name>Antiphon</name>" in version
    assert f"<version>{__version__}</version>" in version
    disco = "http://jabber.org/protocol/disco#info"
    info = await chat.ask(f"<iq type='get' id='d' to='example.test'><query xmlns='{disco}'/></iq>", "</iq>")
    await chat.close()
    assert "admin-addresses" in info
    assert "mailto:admin@example.test" in info
