"""The server's side of stream negotiation, row by row: the examples of RFC 6120 §9.1 and what must not work."""

from __future__ import annotations

import itertools
import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.protocols.scram import HashName, ScramKeys, scram_keys
from antiphon.protocols.xmpp import sasl
from antiphon.protocols.xmpp.jid import Jid
from antiphon.protocols.xmpp.negotiation import ANYWHERE, TABLE, Negotiation, State, StreamSettings, Trigger
from antiphon.protocols.xmpp.negotiation_events import (
    AskBind,
    AskEnable,
    AskProved,
    AskResume,
    AskSecret,
    AskToken,
    Bound,
    Denied,
    Enabled,
    End,
    Ended,
    Expired,
    Given,
    LoginDone,
    NotBound,
    NotResumed,
    Out,
    Resumed,
    Secured,
    StartTls,
    Verified,
    Write,
)
from antiphon.protocols.xmpp.scram import ScramClient

HEADER = (
    b"<?xml version='1.0'?><stream:stream to='example.test' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
BIND = b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>phone</resource></bind></iq>"
OPEN = b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.test' version='1.0'/>"
SETTINGS = StreamSettings("example.test", hostnames=("imp1.example.test",))


def keys(username: str, hash_name: HashName) -> ScramKeys:
    return scram_keys("secret", b"salt", hash_name, 1)


class Talk:
    """One stream; what the server writes is collected in `written`, what it asks of the door is returned."""

    def __init__(
        self, transport: str = "tcp", settings: StreamSettings = SETTINGS, binding: bytes = b""
    ) -> None:
        ids = itertools.count(1)
        self.core = Negotiation(
            settings, keys, lambda: f"id{next(ids)}", 0.0, transport=transport, binding=binding
        )
        self.written = b""

    def say(self, *given: Given) -> list[Out]:
        asked: list[Out] = []
        self.written = b""
        for one in given:
            for out in self.core.handle(one, 0.0):
                if isinstance(out, Write):
                    self.written += out.data
                else:
                    asked.append(out)
        return asked

    def to_sasl(self) -> Talk:
        if self.core.state is State.OPEN:
            self.say(HEADER, STARTTLS, Secured(b"hash"))
        self.say(HEADER)
        assert self.core.state is State.SASL_OFFERED
        return self

    def signed_in(self) -> Talk:
        self.to_sasl()
        self.say(auth("PLAIN", b"\0alice\0secret"), Verified("alice"), HEADER)
        assert self.core.state is State.BIND_OFFERED
        return self

    def bound(self) -> Talk:
        self.signed_in()
        self.say(BIND, Bound(Jid("alice", "example.test", "phone")))
        assert self.core.state is State.BOUND
        return self


def auth(mechanism: str, data: bytes | None) -> bytes:
    text = b"" if data is None else (b64encode(data) or b"=")
    return b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%b'>%b</auth>" % (
        mechanism.encode(),
        text,
    )


def response(data: bytes) -> bytes:
    return b"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%b</response>" % b64encode(data)


def failure(condition: str) -> bytes:
    return f"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>".encode()


def ended(talk: Talk, condition: str) -> bool:
    expected = f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>".encode()
    return (
        talk.core.state is State.CLOSED
        and expected in talk.written
        and talk.written.endswith(b"</stream:stream>")
    )


def at(talk: Talk, state: State) -> bool:
    return talk.core.state is state


def test_the_whole_way_from_header_to_bound() -> None:
    talk = Talk()
    assert talk.say(HEADER) == []
    assert b" from='example.test'" in talk.written
    assert b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>" in talk.written
    assert b"<mechanism>" not in talk.written
    assert talk.say(STARTTLS) == [StartTls()]
    assert talk.written == b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    assert talk.say(Secured(b"hash")) == []
    assert talk.say(HEADER) == []
    assert b"<mechanism>SCRAM-SHA-256-PLUS</mechanism>" in talk.written
    assert b"<mechanism>PLAIN</mechanism>" in talk.written
    assert b"<hostname xmlns='urn:xmpp:domain-based-name:0'>imp1.example.test</hostname>" in talk.written
    assert b"<channel-binding type='tls-server-end-point'/>" in talk.written
    assert talk.say(auth("PLAIN", b"\0alice\0secret")) == [AskSecret("PLAIN", "alice", "secret")]
    assert talk.say(Verified("alice")) == [LoginDone("PLAIN", "alice", "")]
    assert talk.written == b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'></success>"
    assert talk.say(HEADER) == []
    assert b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" in talk.written
    assert b"<sm xmlns='urn:xmpp:sm:3'/>" in talk.written
    assert talk.say(BIND) == [AskBind("phone")]
    assert talk.say(Bound(Jid("alice", "example.test", "phone"))) == []
    assert b"<jid>alice@example.test/phone</jid>" in talk.written
    assert talk.core.bound
    assert talk.core.deadline is None


def test_on_a_tls_listener_the_stream_begins_with_sign_in() -> None:
    talk = Talk("tls", binding=b"hash")
    talk.say(HEADER)
    assert b"<mechanisms" in talk.written
    assert b"starttls" not in talk.written


def test_on_a_websocket_open_and_close_stand_for_the_stream() -> None:
    talk = Talk("wss")
    talk.say(OPEN)
    assert talk.written.startswith(b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'")
    assert b"<stream:features xmlns:stream='http://etherx.jabber.org/streams'>" in talk.written
    talk.say(auth("PLAIN", b"\0alice\0secret"), Verified("alice"), OPEN)
    assert at(talk, State.BIND_OFFERED)
    assert talk.say(b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>") == [Ended("", by_peer=True)]
    assert talk.written == b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"


@pytest.mark.parametrize("name", ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_scram_signs_in_and_proves_the_server(name: str) -> None:
    plus = name.endswith("-PLUS")
    talk = Talk("tls", binding=b"hash" if plus else b"").to_sasl()
    hash_name: HashName = "sha-256" if "256" in name else "sha-1"
    client = ScramClient(hash_name, "alice", "secret", "cnonce", b"hash" if plus else None, plus)
    assert talk.say(auth(name, client.first())) == []
    server_first = sasl_text(talk.written, "challenge")
    assert talk.say(response(client.final(server_first))) == [AskProved(name, "alice")]
    talk.say(Verified("alice"))
    client.check(sasl_text(talk.written, "success"))


def sasl_text(written: bytes, element: str) -> bytes:
    return b64decode(written.split(b"<" + element.encode())[1].split(b">")[1].split(b"<")[0])


def test_plus_is_offered_only_where_the_connection_has_a_binding() -> None:
    talk = Talk("tls")
    talk.say(HEADER)
    assert b"PLUS" not in talk.written
    assert b"sasl-channel-binding" not in talk.written


def test_a_client_that_could_bind_may_say_so_where_plus_is_not_enabled() -> None:
    settings = StreamSettings("example.test", ("SCRAM-SHA-1",))
    talk = Talk("tls", settings, binding=b"hash").to_sasl()
    assert b"sasl-channel-binding" not in talk.written
    client = ScramClient("sha-1", "alice", "secret", "cnonce", b"hash", False)
    assert client.first().startswith(b"y,,")
    talk.say(auth("SCRAM-SHA-1", client.first()))
    assert talk.say(response(client.final(sasl_text(talk.written, "challenge")))) == [
        AskProved("SCRAM-SHA-1", "alice")
    ]


def test_a_wrong_proof_is_a_guess() -> None:
    talk = Talk("tls").to_sasl()
    client = ScramClient("sha-1", "alice", "wrong", "cnonce", None, False)
    talk.say(auth("SCRAM-SHA-1", client.first()))
    asked = talk.say(response(client.final(sasl_text(talk.written, "challenge"))))
    assert asked == [LoginDone("SCRAM-SHA-1", "alice", "not-authorized", guess=True)]
    assert talk.written == failure("not-authorized")


def test_oauthbearer_asks_for_the_owner_of_the_token() -> None:
    talk = Talk("tls").to_sasl()
    message = b"n,a=alice@example.test,\x01host=example.test\x01port=5223\x01auth=Bearer abc.def\x01\x01"
    assert talk.say(auth("OAUTHBEARER", message)) == [AskToken("OAUTHBEARER", "abc.def")]
    assert talk.say(Verified("alice")) == [LoginDone("OAUTHBEARER", "alice", "")]


def test_a_refused_bearer_token_gets_an_error_challenge_before_the_failure() -> None:
    url = "https://cucm1.example.test:8443/.well-known/oauth-authorization-server"
    talk = Talk("tls", StreamSettings("example.test", oauth_metadata=url)).to_sasl()
    talk.say(auth("OAUTHBEARER", b"n,,\x01auth=Bearer bad\x01\x01"))
    assert talk.say(Denied()) == []
    reason = json.loads(sasl_text(talk.written, "challenge"))
    assert reason == {"status": "invalid_token", "openid-configuration": url}
    [done] = talk.say(response(b"\x01"))
    assert isinstance(done, LoginDone)
    assert done.guess
    assert talk.written == failure("not-authorized")
    assert talk.say(auth("PLAIN", b"\0alice\0secret")) == [AskSecret("PLAIN", "alice", "secret")]


def test_the_ciscos_token_mechanism_reads_userid_and_token() -> None:
    talk = Talk("tls").to_sasl()
    written = b"dXNlcmlkPXVzZXJAc2VydmVyLmNvbQB0b2tlbj1mb28="
    said = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='CISCO-VTG-TOKEN'>%b</auth>" % written
    assert talk.say(said) == [AskSecret("CISCO-VTG-TOKEN", "user@server.com", "foo")]


def test_without_an_initial_response_the_client_is_asked_for_one() -> None:
    talk = Talk("tls").to_sasl()
    assert talk.say(auth("PLAIN", None)) == []
    assert talk.written == b"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'></challenge>"
    assert talk.say(response(b"\0alice\0secret")) == [AskSecret("PLAIN", "alice", "secret")]


def test_a_sign_in_can_be_aborted() -> None:
    talk = Talk("tls").to_sasl()
    talk.say(auth("PLAIN", None))
    talk.say(b"<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    assert talk.written == failure("aborted")


BEARER = b"n,a=%b,\x01auth=Bearer t\x01\x01"


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        ("PLAIN", b"%b\0alice\0secret"),
        ("OAUTHBEARER", BEARER),
        ("SCRAM-SHA-1", b"n,a=%b,n=alice,r=x"),
        ("SCRAM-SHA-256", b"n,a=%b,n=alice,r=x"),
        ("SCRAM-SHA-1-PLUS", b"p=tls-server-end-point,a=%b,n=alice,r=x"),
        ("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,a=%b,n=alice,r=x"),
    ],
)
@pytest.mark.parametrize(
    ("authzid", "allowed"),
    [
        (b"", True),
        (b"alice@example.test", True),
        (b"ALICE@example.test", True),
        (b"bob@example.test", False),
        (b"alice@other.test", False),
        (b"alice@example.test/x", False),
        (b"alice", False),
        (b"@", False),
    ],
)
def test_nobody_signs_in_as_somebody_else(
    mechanism: str, message: bytes, authzid: bytes, allowed: bool
) -> None:
    talk = Talk("tls", binding=b"hash").to_sasl()
    first = message % authzid
    if mechanism == "OAUTHBEARER" and not authzid:
        first = first.replace(b"a=", b"")
    if mechanism.startswith("SCRAM"):
        if not authzid:
            first = first.replace(b",a=,", b",,")
        client = ScramClient(
            "sha-256" if "256" in mechanism else "sha-1",
            "alice",
            "secret",
            "x",
            b"hash",
            mechanism.endswith("PLUS"),
        )
        client._gs2, _, client._bare = first.decode().partition("n=alice")
        client._bare = "n=alice" + client._bare
        talk.say(auth(mechanism, first))
        talk.say(response(client.final(sasl_text(talk.written, "challenge"))))
    else:
        talk.say(auth(mechanism, first))
    assert at(talk, State.SASL_CHECK)
    talk.say(Verified("alice"))
    if allowed:
        assert talk.core.userid == "alice"
    else:
        assert talk.written == failure("invalid-authzid")
        assert talk.core.userid == ""
        assert at(talk, State.SASL_OFFERED)


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        (auth("X-OTHER", b"x"), "invalid-mechanism"),
        (auth("SCRAM-SHA-256-PLUS", b"n,,n=a,r=b"), "invalid-mechanism"),
        (b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>!!</auth>", "incorrect-encoding"),
        (b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>YQ</auth>", "incorrect-encoding"),
        (auth("PLAIN", b"alice"), "malformed-request"),
        (auth("PLAIN", b"\0alice\0"), "malformed-request"),
        (auth("PLAIN", b"\0\0secret"), "malformed-request"),
        (auth("PLAIN", b"\0a\0b\0c"), "malformed-request"),
        (auth("PLAIN", b"\0a\0\xff"), "malformed-request"),
        (auth("PLAIN", b""), "malformed-request"),
        (auth("OAUTHBEARER", b"junk"), "malformed-request"),
        (auth("CISCO-VTG-TOKEN", b"junk"), "malformed-request"),
        (auth("SCRAM-SHA-1", b"junk"), "malformed-request"),
    ],
)
def test_a_bad_auth_gets_its_failure_and_another_try(said: bytes, condition: str) -> None:
    talk = Talk("tls").to_sasl()
    talk.say(said)
    assert talk.written == failure(condition)
    assert at(talk, State.SASL_OFFERED)


def test_after_three_failures_the_stream_ends() -> None:
    talk = Talk("tls").to_sasl()
    for _ in range(2):
        talk.say(auth("PLAIN", b"\0alice\0wrong"), Denied())
        assert talk.written == failure("not-authorized")
    talk.say(auth("PLAIN", b"\0alice\0wrong"), Denied())
    assert at(talk, State.CLOSED)
    assert b"policy-violation" in talk.written


def test_a_secret_is_not_taken_in_clear() -> None:
    talk = Talk()
    talk.say(HEADER)
    assert talk.say(auth("PLAIN", b"\0alice\0secret")) == [LoginDone("PLAIN", "", "encryption-required")]
    assert talk.written == failure("encryption-required")
    assert talk.say(STARTTLS) == [StartTls()]


def test_where_tls_is_optional_only_scram_works_in_clear() -> None:
    talk = Talk(settings=StreamSettings("example.test", tls_required=False))
    talk.say(HEADER)
    assert b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'></starttls>" in talk.written
    assert b"SCRAM-SHA-256" in talk.written
    assert b"PLAIN" not in talk.written
    assert b"OAUTHBEARER" not in talk.written


def test_what_is_said_in_clear_behind_starttls_is_forgotten() -> None:
    talk = Talk()
    talk.say(HEADER)
    assert talk.say(STARTTLS + HEADER + auth("PLAIN", b"\0mallory\0x")) == [StartTls()]
    assert talk.say(auth("PLAIN", b"\0mallory\0x")) == []
    assert talk.say(Secured(b"")) == []
    assert talk.written == b""
    assert at(talk, State.SECURED)
    talk.say(HEADER)
    assert at(talk, State.SASL_OFFERED)


def test_another_host_after_the_restart_is_refused() -> None:
    talk = Talk("tls").to_sasl()
    talk.say(auth("PLAIN", b"\0alice\0secret"), Verified("alice"))
    talk.say(HEADER.replace(b"example.test", b"other.test"))
    assert ended(talk, "not-authorized")


@pytest.mark.parametrize(
    ("header", "condition"),
    [
        (HEADER.replace(b"example.test", b"other.test"), "host-unknown"),
        (HEADER.replace(b" to='example.test'", b""), "host-unknown"),
        (HEADER.replace(b"example.test", b"@"), "host-unknown"),
        (HEADER.replace(b" version='1.0' xmlns=", b" xmlns="), "unsupported-version"),
        (HEADER.replace(b"jabber:client", b"jabber:server"), "invalid-namespace"),
        (b"GET / HTTP/1.1\r\n\r\n>", "not-well-formed"),
    ],
)
def test_a_bad_header_is_answered_with_a_header_and_an_error(header: bytes, condition: str) -> None:
    talk = Talk()
    talk.say(header)
    assert ended(talk, condition)
    assert talk.written.count(b"<stream:stream") == 1


def test_a_host_in_other_case_is_the_same_host() -> None:
    talk = Talk()
    talk.say(HEADER.replace(b"example.test", b"Example.TEST."))
    assert at(talk, State.TLS_OFFERED)


@pytest.mark.parametrize(
    "stanza", [b"<message/>", b"<presence/>", BIND, b"<iq type='get' id='1'/>", b"<r xmlns='urn:xmpp:sm:3'/>"]
)
def test_before_sign_in_a_stanza_ends_the_stream(stanza: bytes) -> None:
    talk = Talk("tls").to_sasl()
    talk.say(stanza)
    assert ended(talk, "not-authorized")


@pytest.mark.parametrize("stanza", [b"<message/>", b"<presence/>", b"<iq type='get' id='1'/>"])
def test_before_binding_a_stanza_ends_the_stream(stanza: bytes) -> None:
    talk = Talk("tls").signed_in()
    talk.say(stanza)
    assert ended(talk, "not-authorized")


def test_signing_in_twice_ends_the_stream() -> None:
    talk = Talk("tls").signed_in()
    talk.say(auth("PLAIN", b"\0bob\0secret"))
    assert ended(talk, "not-authorized")


def test_input_that_comes_while_the_door_checks_waits() -> None:
    talk = Talk("tls").to_sasl()
    assert talk.say(auth("PLAIN", b"\0alice\0secret") + HEADER) == [AskSecret("PLAIN", "alice", "secret")]
    assert talk.say(BIND) == []
    assert talk.say(Verified("alice"))[-1] == AskBind("phone")


def test_too_much_input_while_the_door_checks_ends_the_stream() -> None:
    talk = Talk("tls").to_sasl()
    talk.say(auth("PLAIN", b"\0alice\0secret"))
    talk.say(b" " * 6000, b" " * 6000)
    assert ended(talk, "policy-violation")
    assert talk.say(Verified("alice")) == []


def test_a_resource_can_be_left_to_the_server_and_can_be_refused() -> None:
    talk = Talk("tls").signed_in()
    assert talk.say(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>") == [
        AskBind("")
    ]
    talk.say(NotBound("resource-constraint"))
    assert talk.written.startswith(b"<iq type='error' id='b'><error type='wait'><resource-constraint ")
    assert talk.say(BIND) == [AskBind("phone")]


def test_a_malformed_resource_is_a_bad_request() -> None:
    talk = Talk("tls").signed_in()
    talk.say(BIND.replace(b"phone", b"a&#9;b"))
    assert b"<bad-request " in talk.written
    assert at(talk, State.BIND_OFFERED)


def test_binding_twice_is_not_allowed() -> None:
    talk = Talk("tls").bound()
    [answer] = talk.say(BIND)
    assert b"<not-allowed " in answer.data  # type: ignore[union-attr]


def test_stream_management_is_enabled_and_resumed() -> None:
    talk = Talk("tls").bound()
    assert talk.say(b"<enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/>") == [AskEnable(True, 60)]
    talk.say(Enabled("abc", 60))
    assert talk.written == b"<enabled xmlns='urn:xmpp:sm:3' id='abc' resume='true' max='60'/>"
    again = Talk("tls").signed_in()
    assert again.say(b"<resume xmlns='urn:xmpp:sm:3' previd='abc' h='7'/>") == [AskResume("abc", 7)]
    again.say(Resumed("abc", 5))
    assert again.written == b"<resumed xmlns='urn:xmpp:sm:3' h='5' previd='abc'/>"
    assert again.core.bound


def test_after_a_failed_resume_the_client_may_bind() -> None:
    talk = Talk("tls").signed_in()
    talk.say(b"<resume xmlns='urn:xmpp:sm:3' previd='abc' h='7'/>", NotResumed(h=3))
    assert talk.written.startswith(b"<failed xmlns='urn:xmpp:sm:3' h='3'><item-not-found ")
    assert talk.say(BIND) == [AskBind("phone")]


@pytest.mark.parametrize(
    "said", [b"<resume xmlns='urn:xmpp:sm:3' previd='abc' h='x'/>", b"<resume xmlns='urn:xmpp:sm:3' h='1'/>"]
)
def test_a_malformed_resume_fails(said: bytes) -> None:
    talk = Talk("tls").signed_in()
    assert talk.say(said) == []
    assert b"<bad-request " in talk.written


def test_enable_before_binding_and_resume_after_it_are_out_of_turn() -> None:
    talk = Talk("tls").signed_in()
    talk.say(b"<enable xmlns='urn:xmpp:sm:3'/>")
    assert b"<unexpected-request " in talk.written
    bound = Talk("tls").bound()
    bound.say(b"<resume xmlns='urn:xmpp:sm:3' previd='abc' h='7'/>")
    assert b"<unexpected-request " in bound.written


def test_the_deadlines_are_fifteen_seconds_to_the_header_and_thirty_to_the_session() -> None:
    talk = Talk()
    assert talk.core.deadline == 15.0
    talk.say(HEADER)
    assert talk.core.deadline == 30.0
    talk.say(Expired())
    assert ended(talk, "connection-timeout")


def test_the_door_can_end_a_stream() -> None:
    talk = Talk("tls").bound()
    assert talk.say(End("not-authorized")) == [Ended("not-authorized")]
    assert ended(talk, "not-authorized")


def test_elements_nobody_knows_end_a_bound_stream() -> None:
    talk = Talk("tls").bound()
    talk.say(b"<foo xmlns='urn:x'/>")
    assert ended(talk, "unsupported-stanza-type")


def test_every_state_but_the_last_can_be_left_and_reached() -> None:
    reached = {row.next for row in (*TABLE.values(), *ANYWHERE.values())} | {State.OPEN, State.SECURED}
    assert reached - {None} == set(State)
    assert {state for state, _ in TABLE} == set(State) - {State.CLOSED}


WORDS = st.sampled_from(
    [
        HEADER,
        STARTTLS,
        BIND,
        OPEN,
        auth("PLAIN", b"\0a\0b"),
        auth("SCRAM-SHA-1", b"n,,n=a,r=b"),
        response(b"x"),
        b"<presence/>",
    ]
    + [
        b"<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>",
        b"<enable xmlns='urn:xmpp:sm:3'/>",
        b"</stream:stream>",
        b"<a",
        b">",
    ]
    + [b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'><x:y/></auth>", b"\xff"]
)
ANSWERS: list[Given] = [
    Verified("a"),
    Denied(),
    Bound(Jid("a", "example.test", "r")),
    NotBound("conflict"),
    Secured(b""),
]
ANSWERS += [Resumed("x", 1), NotResumed(), Enabled("", 0), Expired()]


@given(
    st.sampled_from(["tcp", "tls", "ws"]), st.lists(st.one_of(WORDS, st.sampled_from(ANSWERS)), max_size=25)
)
def test_no_order_of_words_and_answers_makes_it_raise(transport: str, given: list[Given]) -> None:
    talk = Talk(transport)
    for one in given:
        talk.say(one)
        if talk.core.bound:
            assert talk.core.userid == "a"


def test_all_mechanisms_are_in_the_order_of_preference() -> None:
    offer = sasl.Offer(True, b"x")
    assert sasl.offered(sasl.ALL, offer) == sasl.ALL
    assert Trigger.AUTH in {trigger for _, trigger in TABLE}
