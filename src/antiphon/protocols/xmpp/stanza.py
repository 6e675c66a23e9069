"""A stanza that travels as bytes: what routing reads is parsed once, the rest is the peer's own validated serialisation."""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from antiphon.protocols.xmpp.element import Element, attribute_value, serialise
from antiphon.protocols.xmpp.jid import Jid, MalformedJid
from antiphon.protocols.xmpp.names import CLIENT, QName
from antiphon.protocols.xmpp.tree import NotAnElement, parse_element, read_again

KINDS = frozenset({"message", "presence", "iq"})

_NAME_LENGTH = {"message": 8, "presence": 9, "iq": 3}
"""Of `<message`, `<presence`, `<iq`: where the stamp goes."""


class Stanza:
    """A message, presence or iq.

    `raw` is a serialisation that stands by itself wherever `jabber:client` is the default namespace: it begins with `<kind`,
    declares every prefix it uses, and has neither `from` nor a default namespace on its own start tag, so that
    `stamped` cannot make an attribute twice. It is never changed in place: copies may be queued anywhere.
    """

    __slots__ = ("_tree", "children", "claimed", "id", "kind", "malformed", "raw", "sender", "to", "type")

    def __init__(
        self,
        kind: str,
        type: str,  # noqa: A002 - the standard's noun
        id: str,  # noqa: A002
        to: Jid | None,
        sender: Jid | None,
        children: tuple[QName, ...],
        raw: bytes,
    ) -> None:
        self.kind = kind
        self.type = type
        """As sent; empty when absent. A message without one is `normal` (RFC 6121 §5.2.2)."""
        self.id = id
        self.to = to
        self.sender = sender
        """What `from` says. A door that reads from clients replaces it by whoever has signed in."""
        self.children = children
        """Names of the direct child elements, in order."""
        self.raw = raw
        self.claimed = ""
        """The `from` that the peer wrote, for `invalid-from`."""
        self.malformed = False
        """`to` or `from` was there and is not an address: the answer is `jid-malformed`."""
        self._tree: Element | None = None

    @classmethod
    def parse(cls, data: bytes) -> Stanza:
        """From a whole stanza in bytes. Raises `NotAnElement`."""
        return cls.of(parse_element(data))

    @classmethod
    def of(cls, element: Element) -> Stanza:
        """From a tree, which must not be changed afterwards. Its `from` becomes `sender`. Raises `NotAnElement`."""
        if element.ns != CLIENT or element.local not in KINDS:
            raise NotAnElement("unsupported-stanza-type")
        attrs = dict(element.attrs)
        claimed = attrs.pop("from", "")
        body = Element(CLIENT, element.local, attrs, *element.children)
        stanza = cls(
            element.local,
            attrs.get("type", ""),
            attrs.get("id", ""),
            None,
            None,
            tuple([child.name for child in element.elements()]),
            serialise(body),
        )
        stanza.claimed = claimed
        try:
            stanza.to = Jid.parse(attrs["to"]) if "to" in attrs else None
            stanza.sender = Jid.parse(claimed) if claimed else None
        except MalformedJid:
            stanza.malformed = True
        return stanza

    def stamped(self, from_: bytes, to: bytes = b"") -> bytes:
        """The stanza with its `from` (and `to`, replacing what it has). Arguments are attribute values, see
        `element.attribute_value`."""
        raw = self.raw
        cut = _NAME_LENGTH[self.kind]
        if to:
            if self.to is not None or self.malformed:
                raw = without_attributes(raw, b"to")
            return b"%b from='%b' to='%b'%b" % (raw[:cut], from_, to, raw[cut:])
        return b"%b from='%b'%b" % (raw[:cut], from_, raw[cut:])

    def to_bytes(self) -> bytes:
        """Stamped with `sender`, if there is one."""
        return self.raw if self.sender is None else self.stamped(attribute_value(self.sender))

    def tree(self) -> Element:
        """The stanza's element, without `from`; built on first use and kept. Read it, do not change it."""
        if self._tree is None:
            self._tree = read_again(self.raw)
        return self._tree

    def payload(self) -> Element | None:
        """The first child element."""
        return self.tree().child()

    def has(self, ns: str, local: str) -> bool:
        return (ns, local) in self.children

    def readdressed(self, to: Jid) -> Stanza:
        """The same stanza to somebody else."""
        raw = without_attributes(self.raw, b"to") if self.to is not None or self.malformed else self.raw
        cut = _NAME_LENGTH[self.kind]
        return self._changed(b"%b to='%b'%b" % (raw[:cut], attribute_value(to), raw[cut:]), to, self.children)

    def without(self, unwanted: Container[QName] | Callable[[Element], bool]) -> Stanza:
        """The stanza without some of its direct children; itself when none of them is there."""
        if not callable(unwanted):
            names = unwanted
            if not any(name in names for name in self.children):
                return self
            return self.without(lambda child: child.name in names)
        tree = self.tree()
        kept = [child for child in tree.children if isinstance(child, str) or not unwanted(child)]
        if len(kept) == len(tree.children):
            return self
        body = Element(CLIENT, self.kind, tree.attrs, *kept)
        children = tuple([child.name for child in body.elements()])
        return self._changed(serialise(body), self.to, children)

    def appended(self, child: bytes, name: QName) -> Stanza:
        """The stanza with one more child at its end; `child` is serialised for a default namespace of `jabber:client`."""
        raw = self.raw
        if raw.endswith(b"/>") and not self.children:
            raw = b"%b>%b</%b>" % (raw[:-2], child, self.kind.encode())
        else:
            end = raw.rindex(b"</")
            raw = b"%b%b%b" % (raw[:end], child, raw[end:])
        return self._changed(raw, self.to, (*self.children, name))

    def _changed(self, raw: bytes, to: Jid | None, children: tuple[QName, ...]) -> Stanza:
        copy = Stanza(self.kind, self.type, self.id, to, self.sender, children, raw)
        copy.claimed = self.claimed
        copy.malformed = self.malformed and to is None
        return copy

    def __repr__(self) -> str:
        return f"<Stanza {self.kind} type={self.type!r} id={self.id!r} to={self.to} from={self.sender}>"


_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_TAG_NAME = re.compile(rb"<[^\s/>]+")


def without_attributes(raw: bytes, *names: bytes) -> bytes:
    """A well-formed element without some attributes (by their written names) of its start tag."""
    name = _TAG_NAME.match(raw)
    assert name is not None
    kept = [name.group()]
    position = name.end()
    while (attribute := _ATTRIBUTE.match(raw, position)) is not None:
        if attribute.group(1) not in names:
            kept.append(attribute.group())
        position = attribute.end()
    kept.append(raw[position:])
    return b"".join(kept)
