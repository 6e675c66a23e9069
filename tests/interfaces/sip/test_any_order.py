"""Phones that do whatever comes to their minds: nothing fails inside, and in the end nothing is left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interfaces.sip.site import Dialog, Site, StreamPhone, sdp

from antiphon.protocols.sip.message import Request, Response


@contextmanager
def watched() -> Iterator[list[logging.LogRecord]]:
    """Everything that was logged as an error meanwhile."""
    seen: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = seen.append  # type: ignore[method-assign,assignment]
    logging.getLogger("antiphon").addHandler(handler)
    try:
        yield seen
    finally:
        logging.getLogger("antiphon").removeHandler(handler)


class Mind:
    """One phone with its calls. Every action does something possible, or nothing."""

    def __init__(self, site: Site, name: str, transport: str, port: int) -> None:
        self.site = site
        self.phone = site.registered(name, transport, port)
        self.asked: list[Request] = []
        self.dialogs: list[Dialog] = []
        self.calling: list[Dialog] = []

    def look(self) -> None:
        """Read the inbox: remember requests, complete calls that were answered."""
        for message in self.phone.take():
            if isinstance(message, Request) and message.method != "ACK":
                self.asked.append(message)
            elif (
                isinstance(message, Response)
                and message.cseq_method == "INVITE"
                and 200 <= message.status < 300
            ):
                for dialog in [*self.calling, *self.dialogs]:
                    if dialog.call_id == message.call_id:
                        self.phone.confirm(dialog, message, sdp(self.phone.name))
                        if dialog in self.calling:
                            self.calling.remove(dialog)
                            self.dialogs.append(dialog)

    def act(self, what: int, how: int) -> None:
        self.look()
        actions = [
            self.call,
            self.answer,
            self.respond,
            self.hang_up,
            self.change,
            self.refer,
            self.cancel,
            self.drop,
        ]
        actions[what](how)

    def call(self, how: int) -> None:
        number = ("1001", "1002", "1003", "4711")[how]
        self.calling.append(self.phone.invite(number, b"" if how == 2 else None))

    def answer(self, how: int) -> None:
        invites = [request for request in self.asked if request.method == "INVITE"]
        if invites:
            invite = invites[how % len(invites)]
            self.asked.remove(invite)
            self.dialogs.append(self.phone.accept(invite, b"" if how == 3 else None))

    def respond(self, how: int) -> None:
        if self.asked:
            status = (180, 486, 200, 491)[how]
            self.phone.respond(
                self.asked[-1], status, f"to-{self.phone.name}", body=sdp("x") if how == 2 else b""
            )
            if how:
                self.asked.pop()

    def hang_up(self, how: int) -> None:
        if self.dialogs:
            self.dialogs[how % len(self.dialogs)].send("BYE")

    def change(self, how: int) -> None:
        if self.dialogs:
            method = ("INVITE", "UPDATE", "INFO", "INVITE")[how]
            body = b"" if how == 3 else sdp(self.phone.name, "sendonly")
            kind = "Content-Type: application/sdp\r\n" if body else ""
            self.dialogs[-1].send(method, f"Contact: {self.phone.contact}\r\n{kind}", body)

    def refer(self, how: int) -> None:
        if self.dialogs:
            other = self.dialogs[0]
            replaces = (
                f"?Replaces={other.call_id}%3Bto-tag%3Dx%3Bfrom-tag%3D{self.phone.name}" if how == 3 else ""
            )
            target = ("1001", "1002", "1003", "1003")[how]
            self.dialogs[-1].send("REFER", f"Refer-To: <sip:{target}@example.test{replaces}>\r\n")

    def cancel(self, how: int) -> None:
        if self.calling:
            dialog = self.calling.pop()
            branch = f"z9hG4bK{self.phone.name}{next(self.phone._branch) - 1 - how}"
            self.phone.send_request(
                "CANCEL",
                dialog.target,
                dialog.local,
                dialog.remote,
                dialog.call_id,
                dialog.cseq,
                branch=branch,
            )

    def drop(self, how: int) -> None:
        if isinstance(self.phone, StreamPhone) and how == 3:
            self.phone.disconnect()
            self.phone = self.site.registered(self.phone.name, "tls", 5090)
            for dialog in self.dialogs:
                dialog.phone = self.phone


_ACTION = st.tuples(
    st.integers(0, 2), st.integers(0, 7), st.integers(0, 3), st.sampled_from([0.0, 0.0, 0.3, 5.0, 40.0])
)


@given(st.lists(_ACTION, max_size=25))
@settings(max_examples=60, deadline=None)
def test_whatever_phones_do_nothing_fails_and_nothing_is_left(
    actions: list[tuple[int, int, int, float]],
) -> None:
    with watched() as failed:
        site = Site()
        minds = [
            Mind(site, "alice", "tls", 5090),
            Mind(site, "bob", "udp", 5060),
            Mind(site, "carol", "tcp", 5060),
        ]
        for who, what, how, pause in actions:
            minds[who].act(what, how)
            site.time.advance(pause)
        # Everybody falls silent; session timers and transaction timers clear up.
        site.time.advance(4000)
        assert [record.getMessage() for record in failed] == []
        assert (site.door.legs, site.door.transactions, site.calls.calls) == (0, 0, ())
