"""What discovery has found, and the account it gives of how."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from antiphon.client.discovery.rules import Where
from antiphon.client.documents import DeviceSettings, ListedDevice, Services, SignOn, UserProfile
from antiphon.client.oauth import Endpoints
from antiphon.protocols.dns.srv import Srv


class Verdict(enum.Enum):
    """How a step went."""

    OK = "ok"
    """Answered, and the answer leads on."""
    ABSENT = "absent"
    """Answered: there is none. No fault by itself."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One question and what came of it."""

    name: str
    asked: str
    answered: str
    took_s: float
    conclusion: str
    verdict: Verdict = Verdict.OK

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.name,
            "asked": self.asked,
            "answered": self.answered,
            "ms": round(self.took_s * 1000, 1),
            "conclusion": self.conclusion,
            "verdict": self.verdict.value,
        }


Tell = Callable[[Step], None]


def silent(step: Step) -> None:
    """A `Tell` for when nobody wants to hear."""


@dataclass(slots=True)
class Found:
    """Where to sign in. Fields after `where` are filled as far as the steps got."""

    address: str
    userid: str
    """What the home cluster calls the user; the local part of the address until it has said so."""
    domain: str
    """The services domain."""
    voice_domain: str
    """Where the SRV records were looked for."""
    where: Where = Where.NOTHING
    servers: tuple[Srv, ...] = ()
    home: str = ""
    """Origin of the home cluster, e.g. `https://cucm1.example.test:8443`; empty when it was not found."""
    cluster_servers: tuple[str, ...] = ()
    version: str = ""
    sign_on: SignOn | None = None
    endpoints: Endpoints | None = None
    cached: bool = False
    steps: list[Step] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(step.verdict is Verdict.FAILED for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        sign_on = self.sign_on
        return {
            "schema": "antiphon.discovery/1",
            "address": self.address,
            "userid": self.userid,
            "domain": self.domain,
            "voice_services_domain": self.voice_domain,
            "where": self.where.value,
            "servers": [record._asdict() for record in self.servers],
            "home": self.home,
            "cluster_servers": list(self.cluster_servers),
            "version": self.version,
            "sso": sign_on.sso if sign_on is not None else None,
            "code_grant": sign_on.code_grant if sign_on is not None else None,
            "issuer": self.endpoints.issuer if self.endpoints is not None else "",
            "cached": self.cached,
            "steps": [step.as_json() for step in self.steps],
        }


@dataclass(slots=True)
class Provisioned:
    """What the home cluster has for a user who has signed in."""

    user: UserProfile | None = None
    services: Services = field(default_factory=Services)
    parameters: dict[str, str] = field(default_factory=dict)
    """Client parameters in effect that somebody has set: service profile before configuration file."""
    devices: tuple[ListedDevice, ...] = ()
    settings: dict[str, DeviceSettings] = field(default_factory=dict)
    """By device name."""
    authenticator: str = ""
    product_mode: str = ""
    steps: list[Step] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(step.verdict is Verdict.FAILED for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        return {
            "services": {
                kind: [f"{a.host}:{a.port}" if a.port else a.host for a in addresses]
                for kind, addresses in self.services.sections.items()
            },
            "parameters": self.parameters,
            "devices": [
                {"name": device.name, "model": device.model, "lines": self._lines(device.name)}
                for device in self.devices
            ],
            "authenticator": self.authenticator,
            "product_mode": self.product_mode,
            "steps": [step.as_json() for step in self.steps],
        }

    def _lines(self, device: str) -> list[str]:
        settings = self.settings.get(device)
        return [line.number for line in settings.lines] if settings is not None else []
