"""Private XML storage. Source: XEP-0049."""

from __future__ import annotations

from antiphon.kernel.features import Claim, Feature
from antiphon.protocols.xmpp.element import Element, serialise
from antiphon.protocols.xmpp.names import CLIENT
from antiphon.services.messaging.errors import NOT_STORED, StanzaError
from antiphon.services.messaging.iq import ACCOUNT, IqPort, IqRequest
from antiphon.services.messaging.store import private_xml

NAMESPACE = "jabber:iq:private"
MAX_NAME_BYTES = 1000
"""What fits an index of PostgreSQL."""


async def get(port: IqPort, request: IqRequest) -> bytes:
    """What was stored under the child's name, or the empty child."""
    account, _ = request.own
    child = _child(request)
    await port.commits.settled()
    stored = await port.store.private(account.userid, _name(child))
    return _query(serialise(Element(child.ns, child.local)) if stored is None else stored)


async def put(port: IqPort, request: IqRequest) -> bytes | None:
    account, _ = request.own
    child = _child(request)
    xml = serialise(child)
    if len(xml) > port.limits.private_bytes:
        raise StanzaError("not-acceptable", "The element is too large.")
    await port.commits.settled()
    if await port.store.private(account.userid, _name(child)) is None:
        kept = await port.store.private_count(account.userid)
        if kept >= port.limits.private_elements:
            raise StanzaError("resource-constraint", "Too many elements are stored.")
    write = port.commits.put(private_xml, (account.userid, _name(child)), {"xml": xml})
    await write
    if write.failed:
        raise NOT_STORED.error()
    return None


def _child(request: IqRequest) -> Element:
    children = list(request.payload.elements())
    if len(children) != 1:
        raise StanzaError("bad-request", "Exactly one element is read or stored at a time.")
    if children[0].ns in ("", CLIENT, NAMESPACE) or len(_name(children[0]).encode()) > MAX_NAME_BYTES:
        raise StanzaError("not-acceptable", "The element needs a namespace of its own.")
    return children[0]


def _name(child: Element) -> str:
    return f"{{{child.ns}}}{child.local}"


def _query(xml: bytes) -> bytes:
    return b"<query xmlns='%b'>%b</query>" % (NAMESPACE.encode(), xml)


feature = Feature(
    "private",
    "Private XML storage",
    ("XEP-0049",),
    routes=(
        Claim(ACCOUNT, ("get", NAMESPACE, "query"), get),
        Claim(ACCOUNT, ("set", NAMESPACE, "query"), put),
    ),
    advertises=(NAMESPACE,),
)
