"""What each configuration file says, as values; the doors write them in their format."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from antiphon.model import Cluster, Device, Line, Node, ServiceKind, ServiceProfile, UcService, User
from antiphon.model.device import DeviceLine
from antiphon.services.provisioning.config import ProvisioningSettings
from antiphon.services.provisioning.errors import UNKNOWN_PARAMETER
from antiphon.services.provisioning.parameters import known, nearest
from antiphon.services.provisioning.ports import Directory

JABBER_CONFIG = "jabber-config.xml"
MAX_MEMBERS = 3
"""Nodes in a device's list: primary, secondary, tertiary (S3-50)."""

Parameters = tuple[tuple[str, str, str], ...]
"""(section, parameter, value)."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A line on a device, with what the line itself says."""

    at: DeviceLine
    line: Line | None


@dataclass(frozen=True, slots=True)
class DeviceConfiguration:
    """All that goes into one device file. Holds no secret: the file can be read by whoever knows its name."""

    device: Device
    owner: User | None
    appearances: tuple[Appearance, ...]
    members: tuple[Node, ...]
    """Call nodes, primary first."""
    profile_file: str
    domain: str
    settings: ProvisioningSettings
    version_stamp: str
    """A UUID that changes when anything in the file changes."""


class Provisioning:
    """Puts together profiles, client configuration and device configuration from the directory and the settings.

    `files` are the client configuration files by name: `jabber-config.xml` for everybody, others for groups. An unknown
    parameter in one of them is AP-PRV-002.
    """

    def __init__(
        self,
        cluster: Cluster,
        directory: Directory,
        settings: ProvisioningSettings | None = None,
        files: Mapping[str, Parameters] | None = None,
    ) -> None:
        self.cluster = cluster
        self.settings = settings if settings is not None else ProvisioningSettings()
        self._directory = directory
        self._files: dict[str, Parameters] = {JABBER_CONFIG: (), **(files or {})}
        for name, parameters in self._files.items():
            _check(name, parameters)

    def configuration(self, name: str) -> Parameters | None:
        """A client configuration file's parameters; None when there is no such file."""
        return self._files.get(name)

    def profile(self, pkid: str) -> ServiceProfile | None:
        """By pkid; an empty one means the default profile."""
        if not pkid:
            return self._directory.default_service_profile()
        return next((p for p in self._directory.service_profiles() if p.pkid == pkid), None)

    def profile_of(self, user: User) -> ServiceProfile | None:
        return self._directory.profile_of(user)

    def services(self, profile: ServiceProfile, kind: ServiceKind) -> tuple[UcService | None, ...]:
        """Primary, first and second backup of one section; None where none is set."""
        names = dict(profile.services).get(kind, ())
        found = [self._directory.uc_service(name) for name in names[:MAX_MEMBERS]]
        present = [service for service in found if service is not None]
        return (*present, *[None] * (MAX_MEMBERS - len(present)))

    def im_nodes(self, user: User) -> tuple[str, ...]:
        """The presence servers of a user, from the profile or, when it names none, the cluster's own."""
        profile = self.profile_of(user)
        if profile is not None:
            hosts = tuple(
                s.host for s in self.services(profile, ServiceKind.IM_AND_PRESENCE) if s is not None
            )
            if hosts:
                return hosts
        return tuple(node.name for node in self.cluster.nodes if "im" in node.roles)

    def device(self, name: str) -> DeviceConfiguration | None:
        device = self._directory.device(name)
        if device is None:
            return None
        owner = self._directory.user(device.owner) if device.owner else None
        lines = sorted(device.lines, key=lambda line: line.index)
        appearances = tuple(Appearance(at, self._directory.line(at.number)) for at in lines)
        members = tuple(node for node in self.cluster.nodes if "call" in node.roles)[:MAX_MEMBERS]
        profile = self.profile_of(owner) if owner is not None else self._directory.default_service_profile()
        shown = tuple((a.at, a.line.display_name if a.line is not None else "") for a in appearances)
        facts = (device, owner, shown, members, self.settings, profile_file(profile), self.cluster.version)
        return DeviceConfiguration(
            device,
            owner,
            appearances,
            members,
            profile_file(profile),
            self.cluster.domain,
            self.settings,
            _stamp(repr(facts)),
        )


def profile_file(profile: ServiceProfile | None) -> str:
    """The file a profile is read from: `SPDefault.cnf.xml` or `SP<pkid>.cnf.xml`."""
    return "SPDefault.cnf.xml" if profile is None or profile.is_default else f"SP{profile.pkid}.cnf.xml"


def client_file(profile: ServiceProfile) -> str:
    """The file with a profile's client parameters: `JAB_<pkid>.cnf.xml`."""
    return f"JAB_{profile.pkid}.cnf.xml"


def group_file(support_field: str) -> str:
    """The client configuration file that a device's support field names: `configurationfile=<name>`, else the common one.

    The field may hold other words; their case does not count. Source: S2-152.
    """
    for word in support_field.replace(";", " ").split():
        key, equals, value = word.partition("=")
        if equals and key.casefold() == "configurationfile" and value:
            return value
    return JABBER_CONFIG


def _stamp(facts: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(facts.encode()).digest()[:16], version=4))


def _check(name: str, parameters: Parameters) -> None:
    for section, parameter, _ in parameters:
        if known(parameter) is None:
            near = nearest(parameter)
            hint = f", did you mean {near}?" if near else ""
            raise UNKNOWN_PARAMETER.error(f"{name}: {section}/{parameter}{hint}")
