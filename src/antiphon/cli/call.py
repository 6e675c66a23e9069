"""`antiphon call` and `antiphon answer`: a softphone whose sound is WAV files."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts

from antiphon.cli.language import _
from antiphon.cli.output import Output

if TYPE_CHECKING:
    from antiphon.client.phone import Phone
    from antiphon.client.sip.call import Call
    from antiphon.client.sound import WavFiles

app = cyclopts.App(name="call", help="Call a number with your softphone.")

Codec = Literal["pcmu", "pcma", "opus"]
Encryption = Literal["off", "optional", "required"]
_AFTER_PLAYING_S = 0.5


@cyclopts.Parameter(name="*")
@dataclass(kw_only=True)
class Sound:
    """What is played and kept."""

    play: Path | None = None
    """A WAV file to play to the other side."""
    record: Path | None = None
    """A WAV file to keep the other side's sound in."""
    repeat: bool = False
    """Play the file over and over."""
    duration: float | None = None
    """Hang up after so many seconds of conversation."""
    codec: tuple[Codec, ...] = ("pcmu", "pcma")
    """Codecs to offer, the preferred one first."""
    encryption: Encryption | None = None
    """Whether sound is encrypted; the default is optional over TLS."""


@cyclopts.Parameter(name="*")
@dataclass(kw_only=True)
class Way:
    """Which phone, and how it registers."""

    device: str = ""
    """The device to use; the default is your first softphone (CSF…)."""
    account: str = ""
    """Address of the sign-in to use; the default is the last one."""
    transport: Literal["tls", "tcp", "udp"] | None = None
    """Instead of what the device file says."""
    digest_password_file: Annotated[str, cyclopts.Parameter(allow_leading_hyphen=True)] = ""
    """Register by digest with this password instead of by token; - reads standard input."""


@app.default
def call(number: str, sound: Sound | None = None, way: Way | None = None, *, json: bool = False) -> int:
    """Call a number (or a SIP address), and hang up when the file has been played, after --duration, or on Ctrl-C.

    Example: antiphon call 1002 --play hello.wav --record answer.wav

    Parameters
    ----------
    number
        The number to call, for example 1002.
    json
        Write JSON lines.
    """
    output = Output("antiphon.call/1", json)
    return asyncio.run(_call(number, sound or Sound(), way or Way(), output))


def answer(
    sound: Sound | None = None, way: Way | None = None, *, timeout: float | None = None, json: bool = False
) -> int:
    """Wait for a call and answer it.

    Example: antiphon answer --play hello.wav --record caller.wav

    Parameters
    ----------
    timeout
        Stop waiting after so many seconds (exit code 1).
    json
        Write JSON lines.
    """
    output = Output("antiphon.call/1", json)
    return asyncio.run(_answer(sound or Sound(), way or Way(), timeout, output))


async def _call(number: str, sound: Sound, way: Way, output: Output) -> int:
    from antiphon.client.session import load_session

    async with load_session(way.account or None) as session, await _phone(session, sound, way) as phone:
        output.event("registered", "", device=phone.device.name, number=phone.number, node=_node(phone))
        files = _files(sound)
        current = await phone.place(number, files)
        output.event("calling", _("Calling {number} …").format(number=number), number=number)
        ringing = asyncio.ensure_future(_tell_ringing(current, output))
        try:
            await current.answered()
        finally:
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)
        return await _talk(current, sound, files, output)


async def _answer(sound: Sound, way: Way, patience_s: float | None, output: Output) -> int:
    from antiphon.client.session import load_session

    async with load_session(way.account or None) as session, await _phone(session, sound, way) as phone:
        line = _("{number} waits for a call …").format(number=phone.number)
        output.event("registered", line, device=phone.device.name, number=phone.number, node=_node(phone))
        try:
            async with asyncio.timeout(patience_s):
                current = await phone.next_call()
        except TimeoutError:
            print(_("Nobody called."), file=sys.stderr)
            return 1
        caller = f"{current.display_name} ({current.number})" if current.display_name else current.number
        output.event("ringing", _("{caller} calls").format(caller=caller), number=current.number)
        files = _files(sound)
        await current.answer(files)
        return await _talk(current, sound, files, output)


async def _phone(session: object, sound: Sound, way: Way) -> Phone:
    from antiphon.cli.output import read_secret
    from antiphon.client import description
    from antiphon.client.phone import Phone
    from antiphon.client.session import Session
    from antiphon.protocols.rtp.codec import OPUS, PCMA, PCMU

    assert isinstance(session, Session)
    formats = {"pcmu": PCMU, "pcma": PCMA, "opus": OPUS}
    if "opus" in sound.codec:
        from antiphon.client.opus import Opus

        Opus()  # says now, and not in the middle of a call, that the library is missing
    return await Phone.connect(
        session,
        way.device,
        password=read_secret(way.digest_password_file) if way.digest_password_file else None,
        transport=way.transport or "",
        encryption=description.Encryption(sound.encryption) if sound.encryption else None,
        formats=tuple(formats[name] for name in sound.codec),
    )


def _files(sound: Sound) -> WavFiles:
    from antiphon.client.sound import WavFiles

    return WavFiles(sound.play, sound.record, sound.repeat)


def _node(phone: Phone) -> str:
    return phone.registered_with.host if phone.registered_with is not None else ""


async def _tell_ringing(current: Call, output: Output) -> None:
    from antiphon.kernel.errors import DomainError

    try:
        await current.ringing()
    except DomainError:
        return
    if current.state.value == "ringing":
        output.event("ringing", _("Ringing …"), number=current.number)


async def _talk(current: Call, sound: Sound, files: WavFiles, output: Output) -> int:
    started = time.monotonic()
    secured = _("encrypted") if current.encrypted else _("not encrypted")
    line = _("Answered ({codec}, {secured})").format(codec=current.codec, secured=secured)
    output.event("answered", line, codec=current.codec, encrypted=current.encrypted)
    interrupted: asyncio.CancelledError | None = None
    try:
        await _until_done(current, sound, files)
    except asyncio.CancelledError as error:
        interrupted = (
            error  # Ctrl-C: the other side is told, the recording closed, and what there was is said
        )
    counters = current.sound.counters
    await current.hang_up()
    lasted = time.monotonic() - started
    by = _("by the other side") if not current.ended_by_us else _("by us")
    line = _("Ended {by} after {seconds:.0f} s").format(by=by, seconds=lasted)
    output.event(
        "ended",
        line,
        duration_s=round(lasted, 3),
        ended_by_us=current.ended_by_us,
        packets_sent=counters.sent,
        packets_received=counters.received,
        packets_lost=counters.lost,
        jitter_ms=round(counters.jitter_s * 1000, 1),
        record=str(sound.record) if sound.record else None,
    )
    if interrupted is not None:
        raise interrupted
    if current.failure is not None:
        raise current.failure
    return 0


async def _until_done(current: Call, sound: Sound, files: WavFiles) -> None:
    ends = [asyncio.ensure_future(current.ended())]
    if sound.duration is not None:
        ends.append(asyncio.ensure_future(asyncio.sleep(sound.duration)))
    elif sound.play is not None and not sound.repeat:
        ends.append(asyncio.ensure_future(_played(files)))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()


async def _played(files: WavFiles) -> None:
    await files.played.wait()
    await asyncio.sleep(_AFTER_PLAYING_S)  # what is under way still arrives
