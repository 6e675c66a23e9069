"""SIP over secure WebSocket, spoken through a WebSocket library that somebody else wrote (RFC 7118)."""

from __future__ import annotations

import pytest
from tests.interop.test_sipp import access_token
from tests.lab import RunningLab
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

pytestmark = pytest.mark.interop

REGISTER = """\
REGISTER sip:example.test SIP/2.0
Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK{cseq}
Max-Forwards: 70
From: <sip:{line}@example.test>;tag=wss
To: <sip:{line}@example.test>
Call-ID: over-a-websocket
CSeq: {cseq} REGISTER
Contact: <sip:{line}@df7jal23ls0d.invalid;transport=ws>;+u.sip!devicename.ccm.cisco.com="{device}"
Expires: 120
{proof}Content-Length: 0

"""


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
async def test_a_browser_registers_with_its_token(lab: RunningLab, binary: bool) -> None:
    user = lab.user("heidi")
    token = access_token(lab, "heidi")

    def message(cseq: int, proof: str = "") -> str:
        text = REGISTER.format(cseq=cseq, line=user["line"], device=user["device"], proof=proof)
        return text.replace("\n", "\r\n")

    async with connect(
        "wss://cucm1.example.test:5443/sip",
        host=lab.call_address,
        ssl=lab.tls(),
        subprotocols=[Subprotocol("sip")],
    ) as socket:
        answers = []
        for text in (message(1), message(2, f"Authorization: Bearer {token}\n")):
            await socket.send(text.encode() if binary else text)
            answer = await socket.recv()
            assert isinstance(answer, bytes) is binary
            answers.append(answer.decode() if isinstance(answer, bytes) else answer)
    assert answers[0].startswith("SIP/2.0 407 ")
    assert "Bearer" in answers[0]
    assert answers[1].startswith("SIP/2.0 200 ")
    assert "Expires: 120" in answers[1]
