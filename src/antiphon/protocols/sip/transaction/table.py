"""The transaction state machines of SIP as one table.

A pair (state, trigger) that is not listed is absorbed: nothing is sent, nothing is passed up, the state stays.

Source: RFC 3261 §17 (figures 5-8), RFC 6026 §7-8 (Accepted, timers L and M), RFC 4320 §4 (non-INVITE servers)
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Kind(enum.Enum):
    __hash__ = object.__hash__

    INVITE_CLIENT = "INVITE client"
    CLIENT = "non-INVITE client"
    INVITE_SERVER = "INVITE server"
    SERVER = "non-INVITE server"


class State(enum.Enum):
    # Members are singletons; the identity is their hash, without a call into enum's own.
    __hash__ = object.__hash__

    CALLING = "Calling"
    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    COMPLETED = "Completed"
    ACCEPTED = "Accepted"
    CONFIRMED = "Confirmed"
    TERMINATED = "Terminated"


class Trigger(enum.Enum):
    """What happens to a transaction. For clients a status comes from the peer, for servers from the user."""

    __hash__ = object.__hash__

    REQUEST = "the same request again"
    ACK = "ACK"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    TRANSPORT_ERROR = "transport error"
    A = "INVITE retransmission"
    B = "INVITE timeout"
    D = "end of waiting for response retransmissions"
    E = "non-INVITE retransmission"
    F = "non-INVITE timeout"
    G = "response retransmission"
    H = "end of waiting for ACK"
    I = "end of waiting for ACK retransmissions"  # noqa: E741 - the RFC's name
    J = "end of waiting for request retransmissions"
    K = "end of waiting for response retransmissions, non-INVITE"
    L = "end of waiting for INVITE retransmissions after 2xx"
    M = "end of waiting for 2xx retransmissions"
    TRY = "a non-INVITE server has not answered for as long as Timer E takes to reach T2"
    LATE = "a non-INVITE server has not answered before the client's Timer F fired"


class Do(enum.Enum):
    """What a row makes the transaction do, in order."""

    SEND = "send the request, or the response from the user"
    RESEND = "send what was sent last again"
    ACK = "send ACK for a non-2xx final response"
    PASS_UP = "hand the message to the user"  # noqa: S105
    SEND_100 = "send 100 Trying"
    TIMEOUT = "tell the user that nothing came"
    FAIL = "tell the user that the transport failed"
    END = "forget the transaction"


class Row(NamedTuple):
    next: State
    do: tuple[Do, ...] = ()
    start: tuple[Trigger, ...] = ()
    """Timers started on entering."""


S, T = State, Trigger
_END = (Do.END,)

TABLE: dict[Kind, dict[tuple[State, Trigger], Row]] = {
    Kind.INVITE_CLIENT: {
        (S.CALLING, T.A): Row(S.CALLING, (Do.RESEND,), (T.A,)),
        (S.CALLING, T.B): Row(S.TERMINATED, (Do.TIMEOUT, *_END)),
        (S.CALLING, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.CALLING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.PASS_UP,)),
        (S.CALLING, T.SUCCESS): Row(S.ACCEPTED, (Do.PASS_UP,), (T.M,)),
        (S.CALLING, T.FAILURE): Row(S.COMPLETED, (Do.ACK, Do.PASS_UP), (T.D,)),
        (S.PROCEEDING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.PASS_UP,)),
        (S.PROCEEDING, T.SUCCESS): Row(S.ACCEPTED, (Do.PASS_UP,), (T.M,)),
        (S.PROCEEDING, T.FAILURE): Row(S.COMPLETED, (Do.ACK, Do.PASS_UP), (T.D,)),
        (S.PROCEEDING, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.COMPLETED, T.FAILURE): Row(S.COMPLETED, (Do.ACK,)),
        (S.COMPLETED, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.COMPLETED, T.D): Row(S.TERMINATED, _END),
        # Further 2xx are other branches of a fork, or retransmissions: the user acknowledges each (RFC 6026 §7.1).
        (S.ACCEPTED, T.SUCCESS): Row(S.ACCEPTED, (Do.PASS_UP,)),
        (S.ACCEPTED, T.M): Row(S.TERMINATED, _END),
    },
    Kind.CLIENT: {
        (S.TRYING, T.E): Row(S.TRYING, (Do.RESEND,), (T.E,)),
        (S.TRYING, T.F): Row(S.TERMINATED, (Do.TIMEOUT, *_END)),
        (S.TRYING, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.TRYING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.PASS_UP,)),
        (S.TRYING, T.SUCCESS): Row(S.COMPLETED, (Do.PASS_UP,), (T.K,)),
        (S.TRYING, T.FAILURE): Row(S.COMPLETED, (Do.PASS_UP,), (T.K,)),
        (S.PROCEEDING, T.E): Row(S.PROCEEDING, (Do.RESEND,), (T.E,)),
        (S.PROCEEDING, T.F): Row(S.TERMINATED, (Do.TIMEOUT, *_END)),
        (S.PROCEEDING, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.PROCEEDING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.PASS_UP,)),
        (S.PROCEEDING, T.SUCCESS): Row(S.COMPLETED, (Do.PASS_UP,), (T.K,)),
        (S.PROCEEDING, T.FAILURE): Row(S.COMPLETED, (Do.PASS_UP,), (T.K,)),
        (S.COMPLETED, T.K): Row(S.TERMINATED, _END),
    },
    Kind.INVITE_SERVER: {
        (S.PROCEEDING, T.REQUEST): Row(S.PROCEEDING, (Do.RESEND,)),
        (S.PROCEEDING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.SEND,)),
        (S.PROCEEDING, T.SUCCESS): Row(S.ACCEPTED, (Do.SEND,), (T.L,)),
        (S.PROCEEDING, T.FAILURE): Row(S.COMPLETED, (Do.SEND,), (T.G, T.H)),
        (S.PROCEEDING, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.COMPLETED, T.REQUEST): Row(S.COMPLETED, (Do.RESEND,)),
        (S.COMPLETED, T.G): Row(S.COMPLETED, (Do.RESEND,), (T.G,)),
        (S.COMPLETED, T.ACK): Row(S.CONFIRMED, (), (T.I,)),
        (S.COMPLETED, T.H): Row(S.TERMINATED, (Do.TIMEOUT, *_END)),
        (S.COMPLETED, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.CONFIRMED, T.I): Row(S.TERMINATED, _END),
        # RFC 6026 §7.1: the retransmitted INVITE is absorbed; the user resends its 2xx until the ACK, which it gets.
        (S.ACCEPTED, T.SUCCESS): Row(S.ACCEPTED, (Do.SEND,)),
        (S.ACCEPTED, T.ACK): Row(S.ACCEPTED, (Do.PASS_UP,)),
        (S.ACCEPTED, T.TRANSPORT_ERROR): Row(S.ACCEPTED, (Do.FAIL,)),
        (S.ACCEPTED, T.L): Row(S.TERMINATED, _END),
    },
    Kind.SERVER: {
        (S.TRYING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.SEND,)),
        (S.TRYING, T.TRY): Row(S.PROCEEDING, (Do.SEND_100,)),
        (S.TRYING, T.SUCCESS): Row(S.COMPLETED, (Do.SEND,), (T.J,)),
        (S.TRYING, T.FAILURE): Row(S.COMPLETED, (Do.SEND,), (T.J,)),
        (S.TRYING, T.LATE): Row(S.TERMINATED, _END),
        (S.PROCEEDING, T.REQUEST): Row(S.PROCEEDING, (Do.RESEND,)),
        (S.PROCEEDING, T.PROVISIONAL): Row(S.PROCEEDING, (Do.SEND,)),
        (S.PROCEEDING, T.SUCCESS): Row(S.COMPLETED, (Do.SEND,), (T.J,)),
        (S.PROCEEDING, T.FAILURE): Row(S.COMPLETED, (Do.SEND,), (T.J,)),
        (S.PROCEEDING, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.PROCEEDING, T.LATE): Row(S.TERMINATED, _END),
        (S.COMPLETED, T.REQUEST): Row(S.COMPLETED, (Do.RESEND,)),
        (S.COMPLETED, T.TRANSPORT_ERROR): Row(S.TERMINATED, (Do.FAIL, *_END)),
        (S.COMPLETED, T.J): Row(S.TERMINATED, _END),
    },
}
"""Which pair leads where."""


class Start(NamedTuple):
    state: State
    do: tuple[Do, ...]
    timers: tuple[Trigger, ...]


START: dict[Kind, Start] = {
    Kind.INVITE_CLIENT: Start(S.CALLING, (Do.SEND,), (T.A, T.B)),
    Kind.CLIENT: Start(S.TRYING, (Do.SEND,), (T.E, T.F)),
    Kind.INVITE_SERVER: Start(S.PROCEEDING, (), ()),
    Kind.SERVER: Start(S.TRYING, (), (T.TRY, T.LATE)),
}
"""How each begins."""
