"""REGISTER: proof, policy, binding, answer.

The refresh of a registration is the most frequent thing a phone does, so this path builds little: contacts are read once for
each text, the answer is one formatted string, and a retransmission is answered with the bytes kept on the binding instead of
a transaction that would live for 32 seconds.

Source: RFC 3261 §10.3, S3-52 … S3-60
"""

from __future__ import annotations

from antiphon.interfaces.sip import contacts
from antiphon.interfaces.sip.authentication import Authenticator, Proved, Refusal
from antiphon.interfaces.sip.contacts import Contacts
from antiphon.interfaces.sip.lane import Lane, answer_of, key_of, message_shape
from antiphon.interfaces.sip.listener import Scheme
from antiphon.interfaces.sip.peer import Caller, Peer, Trust
from antiphon.interfaces.sip.ports import Registrar
from antiphon.interfaces.sip.remote_cc import OPTIONS_TYPE, options_answer
from antiphon.interfaces.sip.replies import SUPPORTED_TAGS, Dated
from antiphon.kernel.random import Random
from antiphon.kernel.time import Timers
from antiphon.protocols.sip import auth, build
from antiphon.protocols.sip.check import expires
from antiphon.protocols.sip.grammar import Malformed
from antiphon.protocols.sip.message import Request
from antiphon.protocols.sip.parse import parse_datagram
from antiphon.services.registrar.binding import Binding, Change, Outcome, RegisterRequest, RegisterResult

MIN_EXPIRES_S = 15
OUTBOUND = "Require: outbound\r\nFlow-Timer: 120\r\n"
"""RFC 5626 §5.4, §6: the flow is used, and kept alive at least that often."""
MAX_VAIN = 8
"""Lanes prepared in vain on one peer before no more are: its refreshes do not resemble each other."""
MAX_LANES = 4096
"""Lanes on one peer; an edge node carries many registrations over one connection."""
_TAGS = SUPPORTED_TAGS | {"path", "outbound", "gruu"}


class Registration:
    """Serves REGISTER requests."""

    def __init__(
        self, registrar: Registrar, authenticator: Authenticator, timers: Timers, random: Random
    ) -> None:
        self._registrar = registrar
        self._authenticator = authenticator
        self._timers = timers
        self._dated = Dated()
        # One tag for all answers: a REGISTER makes no dialog, so the tag has nothing to tell apart.
        self._tag = random.token(6)

    def serve(self, request: Request, peer: Peer, now: float) -> None:
        fields = request.fields
        to = request.to
        if to.uri[:3].lower() != "sip":
            # unksm2 of RFC 4475: an address of record that no registrar of SIP keeps.
            self._refuse(request, peer, Refusal(404))
            return
        number = to.sip.username
        branch = request.via.branch
        bindings = self._registrar.bindings(number)
        for binding in bindings:
            if (
                binding.branch == branch != ""
                and binding.flow is peer
                and binding.call_id == fields["Call-ID"]
            ):
                peer.send(binding.response)
                return
        if "Require" in fields and (unknown := request.tokens("Require") - _TAGS):
            self._refuse(request, peer, Refusal(420, f"Unsupported: {', '.join(sorted(unknown))}\r\n"))
            return
        try:
            asked = contacts.read(fields.get("Contact"))
        except Malformed:
            self._refuse(request, peer, Refusal(400))
            return
        if asked.probe:
            self._answer(request, peer, "Expires: 0\r\n")
            return
        proof = self._authenticator.register(request, peer, number, now)
        if isinstance(proof, Refusal):
            self._refuse(request, peer, proof)
            return
        self._bind(request, peer, number, asked, proof, now)

    def _bind(
        self, request: Request, peer: Peer, number: str, asked: Contacts, proof: Proved, now: float
    ) -> None:
        caller = self._authenticator.caller(proof, peer, number, asked.device)
        if isinstance(caller, Refusal):
            self._refuse(request, peer, caller)
            return
        fields = request.fields
        text = fields.get("Expires")
        wanted = RegisterRequest(
            aor=number,
            device=caller.device,
            contacts=asked.requests,
            call_id=fields["Call-ID"],
            cseq=request.sequence,
            flow=peer,
            transport=peer.listener.transport,
            received=peer.address,
            expires_s=None if text is None else expires(text, 3600),
            path=tuple(request.listed("Path")) if "Path" in fields else (),
            token_expires=proof.until,
            branch=request.via.branch,
            star=asked.star,
        )
        self._conclude(request, peer, asked, wanted, caller, proof, now)

    def _conclude(
        self,
        request: Request,
        peer: Peer,
        asked: Contacts,
        wanted: RegisterRequest,
        caller: Caller,
        proof: Proved,
        now: float,
        result: RegisterResult | None = None,
    ) -> None:
        result = result or self._registrar.register(wanted)
        if result.outcome is Outcome.OK:
            if peer.listener.scheme is Scheme.BEARER:
                self._trust(peer, caller, proof, result)
            self._registered(request, peer, asked, wanted, result, now)
        elif result.outcome is Outcome.REPEATED:
            peer.send(result.changes[0][1].response)
        elif result.outcome is Outcome.TOO_BRIEF:
            self._refuse(request, peer, Refusal(423, f"Min-Expires: {MIN_EXPIRES_S}\r\n"))
        else:
            self._refuse(request, peer, Refusal(result.outcome.value))

    def _trust(self, peer: Peer, caller: Caller, proof: Proved, result: RegisterResult) -> None:
        """The connection may speak for the line for as long as a binding of it stands there."""
        if any(binding.flow is peer and binding.device == caller.device for binding in result.bindings):
            peer.trust(Trust(caller, proof.until, proof.session_id))
        else:
            peer.distrust(caller)

    def _registered(
        self,
        request: Request,
        peer: Peer,
        asked: Contacts,
        wanted: RegisterRequest,
        result: RegisterResult,
        now: float,
    ) -> None:
        granted = 0
        mine: Binding | None = None
        new = False
        for change, binding in result.changes:
            if change is not Change.REMOVED:
                mine = binding
                granted = binding.expires_in(now)
                new = new or change is Change.NEW
        if asked.echo and mine is not None:
            headers = f"Contact: {asked.echo}{';x-cisco-newreg' if new else ''}\r\nExpires: {granted}\r\n"
        elif result.bindings:
            headers = f"{contacts.listed(result.bindings, now)}Expires: {granted}\r\n"
        else:
            headers = f"Expires: {granted}\r\n"
        if asked.outbound and "outbound" in request.tokens("Supported"):
            headers += OUTBOUND
        data = self._answer(request, peer, headers)
        if mine is not None:
            mine.branch = request.via.branch
            mine.response = data
            if not new and len(result.bindings) == 1 and peer.vain < MAX_VAIN and len(peer.lanes) < MAX_LANES:
                lane = self._prepare(request, asked, wanted, mine, granted, data)
                if lane is not None:
                    peer.lanes[key_of(request.raw)] = lane

    def _prepare(
        self,
        request: Request,
        asked: Contacts,
        wanted: RegisterRequest,
        binding: Binding,
        granted: int,
        answer: bytes,
    ) -> Lane | None:
        """What the next refresh needs, when it will look like this one."""
        fields = request.fields
        proof = auth.parse_credentials(fields.get("Authorization") or fields.get("Proxy-Authorization") or "")
        if proof is None or ("Authorization" in fields and "Proxy-Authorization" in fields):
            return None
        shaped = message_shape(request, request.raw, proof.params)
        dated = self._dated.lines.encode()
        filled = None if shaped is None else answer_of(answer, shaped[1], dated)
        if shaped is None or filled is None or filled.fill(shaped[1], dated) != answer:
            return None
        lane = Lane(shaped[0], filled, wanted, binding, granted, asked.device)
        lane.params, lane.token = proof.params, proof.token
        return lane

    def refresh(self, data: bytes, peer: Peer, now: float) -> bool:
        """A message on a peer whose registration is prepared. False: nothing was done, serve it the ordinary way."""
        key = key_of(data)
        lane = peer.lanes.get(key)
        if lane is None:
            return False
        spans = lane.shape.match(data)
        if spans is None:
            self._drop(peer, key)
            return False
        binding, wanted, authenticator = lane.binding, lane.request, self._authenticator
        branch = spans.branch.decode()
        if branch == binding.branch:
            return False
        proof = authenticator.principal(lane.token) if lane.token else Proved(lane.params["username"], None)
        if proof is None:
            return False
        caller = authenticator.caller(proof, peer, wanted.aor, lane.device)
        if isinstance(caller, Refusal) or caller.device != wanted.device:
            return False
        if not lane.token:
            params = lane.params
            params["response"], params["nc"], params["cnonce"] = (
                spans.response.decode(),
                spans.nc.decode(),
                spans.cnonce.decode(),
            )
            if not authenticator.proves_again(params, peer, wanted.aor, now):
                return False
        wanted.call_id, wanted.cseq, wanted.branch = spans.call_id.decode(), int(spans.cseq), branch
        wanted.token_expires = proof.until
        result = self._registrar.register(wanted)
        lane.served = True
        changes = result.changes
        if (
            result.outcome is Outcome.OK
            and len(result.bindings) == 1
            and len(changes) == 1
            and changes[0] == (Change.REFRESHED, binding)
            and binding.expires_in(now) == lane.granted
        ):
            if lane.token:
                self._trust(peer, caller, proof, result)
            dated = self._dated.at(self._timers.wall()).encode()
            binding.branch = branch
            binding.response = answer = lane.answer.fill(spans, dated)
            peer.send(answer)
            return True
        self._drop(peer, key)
        request = parse_datagram(data)
        assert isinstance(request, Request)
        asked = contacts.read(request.fields.get("Contact"))
        self._conclude(request, peer, asked, wanted, caller, proof, now, result)
        return True

    def _answer(self, request: Request, peer: Peer, headers: str) -> bytes:
        body = b""
        if request.body:
            body = options_answer(request)
            if body:
                headers += (
                    f"Supported: X-cisco-srtp-fallback,X-cisco-sis-9.1.0\r\nContent-Type: {OPTIONS_TYPE}\r\n"
                )
        data = build.response(
            request, 200, peer.address, self._tag, headers + self._dated.at(self._timers.wall()), body
        )
        peer.send(data)
        return data

    def _refuse(self, request: Request, peer: Peer, refusal: Refusal) -> None:
        headers = refusal.headers + self._dated.at(self._timers.wall())
        peer.send(build.response(request, refusal.status, peer.address, self._tag, headers))

    def _drop(self, peer: Peer, key: bytes) -> None:
        if not peer.lanes.pop(key).served:
            peer.vain += 1
