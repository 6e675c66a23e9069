"""A small deployment that the tests of provisioning and its doors share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
from antiphon.services.directory.memory import Memory

CLUSTER = Cluster(
    "lab",
    "example.test",
    (
        Node("cucm1.example.test", "127.0.1.1", ("identity", "provisioning", "call")),
        Node("cucm2.example.test", "127.0.1.2", ("identity", "provisioning", "call")),
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


class Records(Memory):
    """A directory of a few records."""

    def __init__(self) -> None:
        super().__init__()
        self.fill([*SERVICES, DEFAULT, PHONES, ALICE, BOB, *LINES, DEVICE])

    def change_device(self, **changes: Any) -> None:
        self.keep(replace(DEVICE, **changes))
