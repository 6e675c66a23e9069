"""What is known before anything is asked: from a link, a bootstrap file, or an installer's switches.

Source: S2-33 … S2-40, S2-97, S2-112 … S2-118, S0-120 … S0-122.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from antiphon.client.discovery.errors import BAD_BOOTSTRAP
from antiphon.protocols.dns.names import normalise

SOURCES = ("WEBEX", "CUCM", "CUP")
"""What may be excluded; CUP is the older name of a part of CUCM's source."""

_SCHEMES = ("ciscojabber", "antiphon")
_NAMES = {
    "servicesdomain": "services_domain",
    "services_domain": "services_domain",
    "voiceservicesdomain": "voice_services_domain",
    "voice_services_domain": "voice_services_domain",
    "servicediscoveryexcludedservices": "excluded",
    "excluded_services": "excluded",
}


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Overrides of discovery. Empty means: not given."""

    services_domain: str = ""
    """Instead of the domain of the address."""
    voice_services_domain: str = ""
    """Where the SRV records are, when that is another domain (hybrid deployments)."""
    excluded: frozenset[str] = frozenset()
    """Of `SOURCES`: not asked at all."""

    @property
    def manual(self) -> bool:
        """Every source is excluded: ask the person for the servers instead (S2-38)."""
        return {"WEBEX", "CUCM"} <= self.excluded

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """From parameters by name, whatever its case; unknown ones are passed over. Raises AP-DISC-002."""
        chosen = {
            _NAMES[name.casefold()]: value for name, value in values.items() if name.casefold() in _NAMES
        }
        return cls(
            _domain(chosen.get("services_domain", "")),
            _domain(chosen.get("voice_services_domain", "")),
            _sources(chosen.get("excluded", "").split(",")),
        )

    def over(self, other: Bootstrap) -> Bootstrap:
        """This one, and the other where this says nothing."""
        return Bootstrap(
            self.services_domain or other.services_domain,
            self.voice_services_domain or other.voice_services_domain,
            self.excluded or other.excluded,
        )


def parse_link(link: str) -> Bootstrap:
    """`ciscojabber://provision?ServicesDomain=…&VoiceServicesDomain=…&ServiceDiscoveryExcludedServices=WEBEX,CUCM`.

    Raises AP-DISC-002.
    """
    parts = urlsplit(link.strip())
    if parts.scheme.lower() not in _SCHEMES or parts.netloc.lower() != "provision":
        raise BAD_BOOTSTRAP.error("the link must begin with ciscojabber://provision?")
    return Bootstrap.of(dict(parse_qsl(parts.query)))


def parse_switches(text: str) -> Bootstrap:
    """A bootstrap file: `NAME: value` or `NAME=value` a line. Raises AP-DISC-002."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=" if "=" in line else ":")
        if separator:
            values[name.strip()] = value.strip()
    return Bootstrap.of(values)


def _domain(text: str) -> str:
    try:
        return normalise(text) if text.strip() else ""
    except ValueError as error:
        raise BAD_BOOTSTRAP.error(str(error)) from error


def _sources(names: Iterable[str]) -> frozenset[str]:
    chosen = frozenset(name.strip().upper() for name in names if name.strip())
    if unknown := sorted(chosen - set(SOURCES)):
        raise BAD_BOOTSTRAP.error(f"unknown service {unknown[0]}; known are {', '.join(SOURCES)}")
    return chosen
