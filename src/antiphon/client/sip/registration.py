"""Keeping one line's softphone registered.

Source: RFC 3261 §10; S3-49 … S3-59; wire form of a software client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from antiphon.client.errors import PHONE_LOST, REGISTRATION_REFUSED
from antiphon.client.sip.agent import Agent
from antiphon.client.sip.credentials import Authenticator
from antiphon.kernel.random import Random
from antiphon.protocols.sip.message import Request, Response

MODEL = 503
"""Cisco Unified Client Services Framework."""
ATTEMPTS = 4
"""Of one request: the first, after a challenge, after a stale nonce, and one to spare."""
USER_AGENT = "Antiphon-CSF"

_SUPPORTED = "replaces,timer,norefersub,X-cisco-srtp-fallback,X-cisco-serviceuri,X-cisco-service-control"


@dataclass(frozen=True, slots=True)
class Account:
    """One line on one device, and the node it registers with."""

    number: str
    display_name: str
    device: str
    contact: str
    """User part of the Contact."""
    host: str
    """The node's name, which is also the host of every address in the signalling."""
    instance: str
    """UUID of this installation, for `+sip.instance`."""
    expires_s: int = 3600
    delta_s: int = 5

    @property
    def address(self) -> str:
        return f"sip:{self.number}@{self.host}"


def contact(agent: Agent, account: Account) -> str:
    """Where this phone is reached, as a Contact without parameters of its own."""
    carrier = agent.carrier
    return f"<sip:{account.contact}@{carrier.local};transport={carrier.transport.lower()}>"


async def exchange(
    agent: Agent,
    authenticator: Authenticator,
    request: Request,
    heard: Callable[[Response], None] | None = None,
) -> Response:
    """Send and answer challenges. Raises AP-CLIENT-036 where no answer comes; `heard` as for `Agent.start`."""
    for attempt in range(1, ATTEMPTS + 1):
        await authenticator.sign(request)
        response = await agent.start(request, heard).final
        if response is None:
            raise PHONE_LOST.error()
        challenged = response.status in (401, 407) and authenticator.learn(response, request)
        if not challenged or attempt == ATTEMPTS:
            return response
        request = again(agent, request)
    raise AssertionError("unreachable")


def again(agent: Agent, request: Request) -> Request:
    """The same request once more: next CSeq, new branch, no credentials (RFC 3261 §22.2)."""
    fields = {
        name: text
        for name, text in request.fields.items()
        if name not in ("Authorization", "Proxy-Authorization")
    }
    fields["Via"] = agent.via()
    fields["CSeq"] = f"{request.sequence + 1} {request.method}"
    return Request(request.method, request.uri, fields, request.body)


class Registration:
    """The binding of one account. The server says for how long each time."""

    def __init__(self, agent: Agent, authenticator: Authenticator, account: Account, random: Random) -> None:
        self._agent = agent
        self._authenticator = authenticator
        self._account = account
        self._call_id = random.token(16)
        self._tag = random.token(8)
        self._sequence = 0
        self.registered = False

    async def register(self) -> float:
        """Register or refresh. Returns the seconds until the next refresh is due.

        Raises AP-CLIENT-032 with the server's reason, AP-CLIENT-036 where no answer comes.
        """
        response = await self._send(self._account.expires_s)
        if response.status != 200:
            self.registered = False
            raise REGISTRATION_REFUSED.error(reason(response), retry_after_s=retry_after(response))
        self.registered = True
        return max(self._granted(response) - self._account.delta_s, 1.0)

    async def unregister(self) -> None:
        if self.registered:
            self.registered = False
            await self._send(0)

    async def _send(self, expires_s: int) -> Response:
        account = self._account
        # What a retry of a challenge has used up counts too, so numbers only grow (RFC 3261 §10.2.4).
        self._sequence += ATTEMPTS
        binding = (
            f'{contact(self._agent, account)};+sip.instance="<urn:uuid:{account.instance}>"'
            f';+u.sip!devicename.ccm.cisco.com="{account.device}";+u.sip!model.ccm.cisco.com="{MODEL}"'
        )
        request = Request(
            "REGISTER",
            f"sip:{account.host}",
            {
                "Via": self._agent.via(),
                "Max-Forwards": "70",
                "From": f"<{account.address}>;tag={self._tag}",
                "To": f"<{account.address}>",
                "Call-ID": self._call_id,
                "CSeq": f"{self._sequence} REGISTER",
                "User-Agent": USER_AGENT,
                "Contact": binding,
                "Supported": _SUPPORTED,
                "Expires": str(expires_s),
            },
        )
        return await exchange(self._agent, self._authenticator, request)

    def _granted(self, response: Response) -> float:
        """Of our own binding, else of the whole response (RFC 3261 §10.2.4)."""
        for bound in response.contacts:
            expires = bound.parameter("expires")
            if bound.uri.partition("@")[0] == f"sip:{self._account.contact}" and expires.isdecimal():
                return float(expires)
        expires = response.get("Expires")
        return float(expires) if expires.isdecimal() else float(self._account.expires_s)


def reason(response: Response) -> str:
    """For people: the warning's text where there is one (S3-60), else the reason phrase."""
    warning = response.get("Warning")
    text = warning.partition('"')[2].rpartition('"')[0]
    return f"{response.status} {text or response.reason}"


def retry_after(response: Response) -> float | None:
    value = response.get("Retry-After").partition(";")[0].partition("(")[0].strip()
    return float(value) if value.isdecimal() else None
