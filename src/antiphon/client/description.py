"""What a softphone says in SDP, and what two descriptions come to: one audio stream.

Source: RFC 3264 (offer/answer), RFC 4568 (SRTP keys), RFC 8866. Best-effort encryption: an offer of `RTP/AVP` that carries
`a=crypto` may be answered with keys or without; `RTP/SAVP` is answered with keys or refused.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.client.errors import NO_COMMON_CODEC
from antiphon.kernel.core import Address
from antiphon.kernel.random import Random
from antiphon.protocols import sdp
from antiphon.protocols.rtp import sdes
from antiphon.protocols.rtp.codec import PCMA, PCMU, STATIC, TELEPHONE_EVENT, Format
from antiphon.protocols.rtp.sdes import Crypto
from antiphon.protocols.sdp import Direction

DEFAULT_FORMATS = (PCMU, PCMA)
_EVENTS = TELEPHONE_EVENT.name
_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")


class Encryption(enum.Enum):
    """Whether sound is encrypted. Keys travel in SDP, so anything but OFF needs signalling over TLS (RFC 4568 §7)."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Agreed:
    """What an offer and its answer come to, from this side's point of view."""

    remote: Address
    sends: Format
    """With the number the peer gave it."""
    accepts: tuple[int, ...]
    """Payload types the peer may send."""
    direction: Direction
    """`sendonly` here means that only this side sends."""
    event_type: int | None = None
    """Payload type of telephone events to the peer; None where it takes none."""
    keys: tuple[Crypto, Crypto] | None = None
    """(ours, theirs)."""


@dataclass(frozen=True, slots=True)
class Local:
    """This side's part of a description; the same through a call but for `version` and `direction`."""

    address: Address
    session_id: int
    formats: tuple[Format, ...] = DEFAULT_FORMATS
    encryption: Encryption = Encryption.OPTIONAL
    version: int = 1
    direction: Direction = Direction.SENDRECV


def offer(local: Local, keys: Sequence[Crypto] = ()) -> bytes:
    """`keys` from `sdes.offer`; used unless encryption is off."""
    protocol = "RTP/SAVP" if local.encryption is Encryption.REQUIRED else "RTP/AVP"
    offered = () if local.encryption is Encryption.OFF else tuple(keys)
    return _description(local, protocol, _with_events(local.formats), offered, ())


def answer(
    offered: bytes, local: Local, random: Random, kept: tuple[Crypto, Crypto] | None = None
) -> tuple[bytes, Agreed]:
    """Our answer and what it comes to. Raises AP-CLIENT-034 where nothing is in common; the call is refused with 488.

    `kept` are the keys in use: where the peer offers its own again, ours stay too and the stream goes on as it is.
    """
    session, media, index = _audio(offered)
    theirs = _formats(media)
    chosen = _common(theirs, local.formats)
    keys = _answer_keys(media, local.encryption, random, kept)
    if media.protocol in _SECURE and keys is None:
        raise NO_COMMON_CODEC.error("the other side insists on encryption")
    direction = _meet(sdp.direction(session, media).mirrored, local.direction)
    events = _events(theirs, chosen.clock_rate)
    formats = (chosen, events) if events else (chosen,)
    described = Local(
        local.address, local.session_id, local.formats, local.encryption, local.version, direction
    )
    lines = _description(described, media.protocol, formats, (keys[0],) if keys else (), session.media, index)
    return lines, Agreed(
        _remote(session, media),
        chosen,
        tuple(f.payload_type for f in formats),
        direction,
        events.payload_type if events else None,
        keys,
    )


def accepted(answered: bytes, local: Local, offered: Sequence[Crypto]) -> Agreed:
    """What the peer's answer to our `offer` comes to. Raises AP-CLIENT-034."""
    session, media, _ = _audio(answered)
    theirs = _formats(media)
    chosen = _common(theirs, local.formats)
    keys = _accepted_keys(media, offered)
    if local.encryption is Encryption.REQUIRED and keys is None:
        raise NO_COMMON_CODEC.error("the other side does not encrypt")
    events = _events(theirs, chosen.clock_rate)
    return Agreed(
        _remote(session, media),
        chosen,
        tuple(f.payload_type for f in _with_events(local.formats)),
        _meet(sdp.direction(session, media).mirrored, local.direction),
        events.payload_type if events else None,
        keys,
    )


def _audio(description: bytes) -> tuple[sdp.Session, sdp.Media, int]:
    """The first live audio section over RTP."""
    try:
        session = sdp.parse(description)
    except sdp.Malformed as error:
        raise NO_COMMON_CODEC.error("the description of the call cannot be read") from error
    for index, media in enumerate(session.media):
        if media.kind == "audio" and media.port and media.protocol in (*_PLAIN, *_SECURE):
            return session, media, index
    raise NO_COMMON_CODEC.error("no sound in the description of the call")


def _formats(media: sdp.Media) -> tuple[Format, ...]:
    """Of one section, in the peer's order of preference."""
    maps = _numbered(media, "rtpmap")
    parameters = _numbered(media, "fmtp")
    found = []
    for text in media.formats:
        if not text.isdecimal() or int(text) > 127:
            continue
        number = int(text)
        name, _, rest = maps.get(number, "").partition("/")
        rate, _, channels = rest.partition("/")
        if rate.isdecimal() and len(rate) < 8:
            count = int(channels) if channels.isdecimal() and len(channels) < 3 else 1
            found.append(Format(name, number, int(rate), count, parameters.get(number, "")))
        elif number in STATIC:
            found.append(STATIC[number])
    return tuple(found)


def _numbered(media: sdp.Media, name: str) -> dict[int, str]:
    """`a=rtpmap:101 …` and the like, by payload type."""
    found: dict[int, str] = {}
    for attribute in media.attributes:
        head, _, value = attribute.partition(":")
        number, _, rest = value.partition(" ")
        if head == name and number.isdecimal() and len(number) < 4:
            found[int(number)] = rest.strip()
    return found


def _common(theirs: Sequence[Format], ours: Sequence[Format]) -> Format:
    """The first of theirs that we speak, so that both sides arrive at the same one."""
    for candidate in theirs:
        if any(candidate.same_as(known) for known in ours):
            return candidate
    raise NO_COMMON_CODEC.error()


def _events(formats: Sequence[Format], clock_rate: int) -> Format | None:
    """Telephone events on the clock of the sound beside them (RFC 4733 §2.1)."""
    named = [f for f in formats if f.name.lower() == _EVENTS]
    return next((f for f in named if f.clock_rate == clock_rate), None)


def _with_events(formats: Sequence[Format]) -> tuple[Format, ...]:
    rates = dict.fromkeys(f.clock_rate for f in formats)
    events = [
        TELEPHONE_EVENT._replace(payload_type=TELEPHONE_EVENT.payload_type + index, clock_rate=rate)
        for index, rate in enumerate(rates)
    ]
    return (*formats, *events)


def _cryptos(media: sdp.Media) -> list[Crypto]:
    lines = [a.partition(":")[2] for a in media.attributes if a.startswith("crypto:")]
    return [crypto for crypto in map(sdes.parse, lines) if crypto is not None]


def _answer_keys(
    media: sdp.Media, encryption: Encryption, random: Random, kept: tuple[Crypto, Crypto] | None
) -> tuple[Crypto, Crypto] | None:
    offered = _cryptos(media)
    if kept is not None and kept[1] in offered and kept[0].tag == kept[1].tag:
        return kept
    chosen = None if encryption is Encryption.OFF else sdes.answer(offered, random)
    if chosen is None:
        if encryption is Encryption.REQUIRED:
            raise NO_COMMON_CODEC.error("the other side does not encrypt")
        return None
    theirs, ours = chosen
    return ours, theirs


def _accepted_keys(media: sdp.Media, offered: Sequence[Crypto]) -> tuple[Crypto, Crypto] | None:
    """RFC 4568 §5.1.3: the answer names one of our lines by its tag, with its suite."""
    for theirs in _cryptos(media):
        for ours in offered:
            if (ours.tag, ours.suite) == (theirs.tag, theirs.suite):
                return ours, theirs
    return None


def _remote(session: sdp.Session, media: sdp.Media) -> Address:
    connection = (media.connection or session.connection or "").split(" ")
    return Address(connection[-1].partition("/")[0], media.port)


def _meet(theirs: Direction, ours: Direction) -> Direction:
    """What both sides want: each way flows only where both let it (RFC 3264 §6.1)."""
    sends = {Direction.SENDRECV, Direction.SENDONLY}
    hears = {Direction.SENDRECV, Direction.RECVONLY}
    send, hear = theirs in sends and ours in sends, theirs in hears and ours in hears
    if send and hear:
        return Direction.SENDRECV
    if send:
        return Direction.SENDONLY
    return Direction.RECVONLY if hear else Direction.INACTIVE


def _description(
    local: Local,
    protocol: str,
    formats: Sequence[Format],
    keys: Sequence[Crypto],
    others: Sequence[sdp.Media],
    index: int = 0,
) -> bytes:
    """A whole description; `others` are the offer's sections, of which all but number `index` are refused (port 0)."""
    host = local.address.host
    family = "IP6" if ":" in host else "IP4"
    attributes = [f"rtpmap:{f.rtpmap}" for f in formats]
    attributes += [f"fmtp:{f.payload_type} {f.parameters}" for f in formats if f.parameters]
    attributes += ["ptime:20", local.direction.value]
    attributes += [f"crypto:{key.value()}" for key in keys]
    audio = sdp.Media(
        "audio",
        local.address.port,
        protocol,
        tuple(str(f.payload_type) for f in formats),
        tuple(("a", text) for text in attributes),
    )
    sections = [sdp.Media(m.kind, 0, m.protocol, m.formats) for m in others]
    sections[index : index + 1] = [audio]
    head = (
        ("v", "0"),
        ("o", f"- {local.session_id} {local.version} IN {family} {host}"),
        ("s", "-"),
        ("c", f"IN {family} {host}"),
        ("t", "0 0"),
    )
    return sdp.Session(head, tuple(sections)).to_bytes()
