"""The same stream as one document over TCP and as many over WebSocket, RFC 7395 §3."""

from __future__ import annotations

import pytest

from antiphon.protocols.xmpp.framing import TCP, WEBSOCKET, Framing
from antiphon.protocols.xmpp.limits import C2S
from antiphon.protocols.xmpp.stanza import Stanza
from antiphon.protocols.xmpp.tokeniser import Nonza, StreamOpened, Tokeniser


@pytest.mark.parametrize("framing", [TCP, WEBSOCKET], ids=["tcp", "websocket"])
def test_what_is_framed_is_read(framing: Framing) -> None:
    reader = Tokeniser(C2S, framed=framing is WEBSOCKET, single=False)
    [header] = reader.feed(framing.header("example.test", "a'b", "alice@example.test"))
    assert isinstance(header, StreamOpened | Nonza)
    assert (header.attrs["from"], header.attrs["id"]) == ("example.test", "a'b")
    [features] = reader.feed(framing.features(b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"))
    assert isinstance(features, Nonza)
    assert features.local == "features"
    for data in (b"<message to='a@b'><body>x</body></message>", b"<presence/>", b"<iq id='1'/>"):
        [stanza] = reader.feed(framing.stanza(data))
        assert isinstance(stanza, Stanza)
        assert stanza.raw == data
    [error] = reader.feed(framing.error("conflict", "a < b", b"<extra xmlns='urn:x'/>"))
    assert isinstance(error, Nonza)
    assert [child.local for child in error.tree().elements()] == ["conflict", "text", "extra"]
    assert reader.feed(framing.end())


def test_what_is_no_stanza_passes_unchanged() -> None:
    assert WEBSOCKET.stanza(b"<r xmlns='urn:xmpp:sm:3'/>") == b"<r xmlns='urn:xmpp:sm:3'/>"
