"""Floor 1: the shared nouns of the system, frozen and without behaviour."""

from antiphon.model.cluster import Cluster, Node
from antiphon.model.device import Device, DeviceLine, SecurityMode
from antiphon.model.edge import EdgeNode
from antiphon.model.line import Line
from antiphon.model.principal import Principal
from antiphon.model.profile import ServiceKind, ServiceProfile, UcService
from antiphon.model.user import User

__all__ = [
    "Cluster",
    "Device",
    "DeviceLine",
    "EdgeNode",
    "Line",
    "Node",
    "Principal",
    "SecurityMode",
    "ServiceKind",
    "ServiceProfile",
    "UcService",
    "User",
]
