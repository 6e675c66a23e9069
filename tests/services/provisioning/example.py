"""A small deployment that the tests of provisioning and its doors share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from antiphon.model import (
    Cluster,
    Device,
    DeviceLine,
    Line,
    Node,
    ServiceKind,
    ServiceProfile,
    UcService,
    User,
)

CLUSTER = Cluster(
    "lab",
    "example.test",
    (
        Node("cucm1.example.test", "127.0.1.1", ("identity", "provisioning", "call")),
        Node("cucm2.example.test", "127.0.1.2", ("provisioning", "call")),
        Node("cucm3.example.test", "127.0.1.3", ("call",)),
        Node("cucm4.example.test", "127.0.1.4", ("call",)),
        Node("imp1.example.test", "127.0.2.1", ("im",)),
    ),
)
CONTACT = "c3b60000-0000-4000-8000-000000000001"
ALICE = User(
    "alice",
    "5f66fe4a-cc50-4000-8000-000000000001",
    "Alice",
    "Ng",
    "Alice Ng",
    "alice@example.test",
    telephone="1001",
)
BOB = User("bob", "5f66fe4a-cc50-4000-8000-000000000002", "Bob", "<&>", "Bob <&>", service_profile="phones")
DEVICE = Device(
    "CSFALICE",
    "9d0c0000-0000-4000-8000-000000000001",
    description='Alice "soft" phone & more',
    owner="alice",
    lines=(DeviceLine("1001", 1, "Alice", CONTACT), DeviceLine("1009", 2, "", "c3b6-2", 2, 1)),
)
DEFAULT = ServiceProfile(
    "everybody",
    "aaaa0000-0000-4000-8000-000000000001",
    is_default=True,
    services=((ServiceKind.IM_AND_PRESENCE, ("im1", "im2")), (ServiceKind.VOICEMAIL, ("vm",))),
    client_parameters=(("Policies", "EnableSIPURIDialling", "true"),),
)
PHONES = ServiceProfile("phones", "bbbb0000-0000-4000-8000-000000000002")
SERVICES = (
    UcService("im1", "s1", ServiceKind.IM_AND_PRESENCE, "imp1.example.test"),
    UcService("im2", "s2", ServiceKind.IM_AND_PRESENCE, "imp2.example.test"),
    UcService("vm", "s3", ServiceKind.VOICEMAIL, "cuc1.example.test", 443, "HTTPS"),
)
LINES = (Line("1001", "l1", display_name="Alice Ng", owner="alice"), Line("1009", "l2", forward_all="1002"))


@dataclass
class Page:
    users: tuple[User, ...]
    total: int


@dataclass
class Records:
    """A directory of a few records."""

    people: list[User] = field(default_factory=lambda: [ALICE, BOB])
    devices: list[Device] = field(default_factory=lambda: [DEVICE])
    lines: tuple[Line, ...] = LINES
    profiles: tuple[ServiceProfile, ...] = (DEFAULT, PHONES)

    def user(self, userid: str) -> User | None:
        return next((user for user in self.people if user.userid == userid), None)

    def user_by_mail(self, mail: str) -> User | None:
        return next((user for user in self.people if user.mail == mail.lower()), None)

    def search(self, text: str, field: str = "name", start: int = 0, limit: int = 64) -> Page:
        wanted = {"name": "display_name", "number": "telephone", "email": "mail"}.get(field, field)
        found = [u for u in self.people if str(getattr(u, wanted)).lower().startswith(text.lower())]
        return Page(tuple(found[start : start + limit]), len(found))

    def device(self, name: str) -> Device | None:
        return next((device for device in self.devices if device.name == name), None)

    def devices_of(self, userid: str) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.owner == userid)

    def line(self, number: str) -> Line | None:
        return next((line for line in self.lines if line.number == number), None)

    def lines_of(self, userid: str) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.owner == userid)

    def uc_service(self, name: str) -> UcService | None:
        return next((service for service in SERVICES if service.name == name), None)

    def service_profiles(self) -> Iterable[ServiceProfile]:
        return self.profiles

    def default_service_profile(self) -> ServiceProfile | None:
        return next((profile for profile in self.profiles if profile.is_default), None)

    def profile_of(self, user: User) -> ServiceProfile | None:
        named = next((p for p in self.profiles if p.name == user.service_profile), None)
        return named or self.default_service_profile()

    def change_device(self, **changes: object) -> None:
        self.devices[0] = replace(self.devices[0], **changes)  # type: ignore[arg-type]
