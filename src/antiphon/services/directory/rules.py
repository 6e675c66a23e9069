"""What an entry must be to be kept: each rule says so with its code. Pure: entries and a memory in, an entry out."""

from __future__ import annotations

import dataclasses
import re
import uuid

from antiphon.kernel.errors import Fault
from antiphon.kernel.random import Random
from antiphon.model import Device, EdgeNode, Line, ServiceProfile, UcService, User
from antiphon.protocols.xmpp.jid import MalformedJid, prepare_local
from antiphon.services.directory import errors
from antiphon.services.directory.memory import Entry, Memory, key_of

MAX_TEXT = 255
MAX_LIST = 100
_PLAIN = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")
_USERID = re.compile(r"[^\s\"&'/:<>@\\%?#]{1,128}")
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_NUMBER = re.compile(r"\+?[0-9*#]{1,24}")
_ADDRESS = re.compile(r"[^@\s<>\"]{1,64}@[A-Za-z0-9.\-\[\]:]{1,190}")
_DEVICE = re.compile(r"(?:(?:CSF|TCT|BOT|TAB|CTIRD)[A-Za-z0-9._-]{1,45}|SEP[0-9A-F]{12})")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?\.?")
_NAME = re.compile(r"[^\s/](?:[^/]{0,126}[^\s/])?")
DIGEST_ALGORITHMS = ("SHA-256", "MD5")


def checked(entry: Entry, memory: Memory, random: Random) -> Entry:
    """The entry as it will be kept. Raises `DomainError` AP-DIR-001 … AP-DIR-023, AP-DIR-028."""
    known = memory.get(type(entry), key_of(entry))
    _check_texts(entry)
    entry = dataclasses.replace(entry, pkid=_pkid(entry, known, memory, random))
    match entry:
        case User():
            return _user(entry, memory)
        case Line():
            return _line(entry, memory)
        case Device():
            return _device(entry, memory, random)
        case ServiceProfile():
            return _service_profile(entry, memory)
        case UcService():
            return _uc_service(entry, memory)
        case EdgeNode():
            return _edge_node(entry)


def new_uuid(random: Random) -> str:
    return str(uuid.UUID(bytes=random.raw(16), version=4))


def _require(holds: object, fault: Fault, detail: str) -> None:
    if not holds:
        raise fault.error(detail[:MAX_TEXT])


def _check_texts(entry: Entry) -> None:
    for field in dataclasses.fields(entry):
        value = getattr(entry, field.name)
        if isinstance(value, str):
            _require(len(value) <= MAX_TEXT and _PLAIN.fullmatch(value), errors.BAD_FIELD, field.name)
        elif isinstance(value, tuple):
            _require(len(value) <= MAX_LIST, errors.BAD_FIELD, f"{field.name}: at most {MAX_LIST}")


def _pkid(entry: Entry, known: Entry | None, memory: Memory, random: Random) -> str:
    if not entry.pkid:
        return known.pkid if known else new_uuid(random)
    if known:
        _require(entry.pkid == known.pkid, errors.PKID_CHANGED, key_of(entry))
    else:
        _require(_is_uuid(entry.pkid), errors.BAD_FIELD, "pkid: a UUID in lower case")
        _require(memory.with_pkid(entry.pkid) is None, errors.PKID_CHANGED, key_of(entry))
    return entry.pkid


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _owner(owner: str, memory: Memory) -> None:
    _require(not owner or memory.get(User, owner), errors.UNKNOWN_OWNER, owner)


def _user(user: User, memory: Memory) -> User:
    _require(_USERID.fullmatch(user.userid) and _is_localpart(user.userid), errors.BAD_USERID, user.userid)
    _require(
        _LOCALE.fullmatch(user.locale), errors.BAD_FIELD, "locale: a BCP 47 tag, for example fr or zh-Hans"
    )
    if user.mail:
        _require(_MAIL.fullmatch(user.mail), errors.BAD_MAIL, user.mail)
        other = memory.user_by_mail(user.mail)
        _require(other is None or other.userid == user.userid, errors.MAIL_TAKEN, user.mail)
    if user.directory_uri:
        _require(
            _ADDRESS.fullmatch(user.directory_uri), errors.BAD_MAIL, f"directory_uri: {user.directory_uri}"
        )
    if user.service_profile:
        _require(memory.service_profile(user.service_profile), errors.UNKNOWN_PROFILE, user.service_profile)
    return user


def _is_localpart(userid: str) -> bool:
    try:
        return prepare_local(userid) == userid
    except MalformedJid:
        return False


def _line(line: Line, memory: Memory) -> Line:
    _require(_NUMBER.fullmatch(line.number), errors.BAD_NUMBER, line.number)
    _owner(line.owner, memory)
    for name in ("forward_all", "forward_busy", "forward_no_answer"):
        target = getattr(line, name)
        if target:
            valid = _NUMBER.fullmatch(target) or _ADDRESS.fullmatch(target)
            _require(valid and target != line.number, errors.BAD_FORWARD, f"{name}: {target}")
    _require(
        1 <= line.no_answer_timeout_s <= 300, errors.BAD_FIELD, "no_answer_timeout_s: from 1 to 300 seconds"
    )
    _require(
        len(set(line.hunt_members)) == len(line.hunt_members), errors.BAD_HUNT, "a member is named twice"
    )
    for member in line.hunt_members:
        _require(member != line.number and memory.line(member), errors.BAD_HUNT, member)
    return line


def _device(device: Device, memory: Memory, random: Random) -> Device:
    _require(_DEVICE.fullmatch(device.name), errors.BAD_DEVICE_NAME, device.name)
    _owner(device.owner, memory)
    _require(0 <= device.model <= 99999, errors.BAD_FIELD, "model: a number from 0 to 99999")
    known = set(device.digest_algorithms) <= set(DIGEST_ALGORITHMS)
    _require(known and device.digest_algorithms, errors.BAD_FIELD, "digest_algorithms: of SHA-256, MD5")
    indexes = [line.index for line in device.lines]
    _require(
        len(set(indexes)) == len(indexes) and min(indexes, default=1) >= 1, errors.BAD_APPEARANCE, "index"
    )
    numbers = [line.number for line in device.lines]
    _require(len(set(numbers)) == len(numbers), errors.BAD_APPEARANCE, "number")
    before = memory.device(device.name)
    contacts = {line.number: line.contact for line in before.lines} if before else {}
    lines = []
    for line in sorted(device.lines, key=lambda line: line.index):
        _require(memory.line(line.number), errors.UNKNOWN_LINE, line.number)
        sane = 1 <= line.max_calls <= 200 and 1 <= line.busy_trigger <= line.max_calls
        _require(sane, errors.BAD_FIELD, "max_calls from 1 to 200, busy_trigger from 1 to max_calls")
        _require(len(line.label) <= MAX_TEXT and _PLAIN.fullmatch(line.label), errors.BAD_FIELD, "label")
        _require(
            not line.contact or _is_uuid(line.contact), errors.BAD_FIELD, "contact: a UUID in lower case"
        )
        contact = line.contact or contacts.get(line.number) or new_uuid(random)
        lines.append(dataclasses.replace(line, contact=contact))
    return dataclasses.replace(device, lines=tuple(lines))


def _service_profile(profile: ServiceProfile, memory: Memory) -> ServiceProfile:
    _require(_NAME.fullmatch(profile.name), errors.BAD_FIELD, "name: 1 to 128 characters without /")
    kinds = [kind for kind, _ in profile.services]
    _require(len(set(kinds)) == len(kinds), errors.UNKNOWN_UC_SERVICE, "a kind is named twice")
    for kind, names in profile.services:
        _require(
            1 <= len(names) <= 3 and len(set(names)) == len(names), errors.UNKNOWN_UC_SERVICE, kind.value
        )
        for name in names:
            service = memory.uc_service(name)
            _require(service and service.kind is kind, errors.UNKNOWN_UC_SERVICE, f"{kind.value}: {name}")
    for section, parameter, value in profile.client_parameters:
        fits: object = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", section) and re.fullmatch(
            r"[A-Za-z_][A-Za-z0-9_.-]{0,127}", parameter
        )
        fits = fits and len(value) <= 4096 and _PLAIN.fullmatch(value)
        _require(fits, errors.BAD_FIELD, f"client_parameters: {section}/{parameter}")
    default = memory.service_profile(profile.name)
    _require(profile.is_default or not (default and default.is_default), errors.DEFAULT_PROFILE, profile.name)
    return profile


def _uc_service(service: UcService, memory: Memory) -> UcService:
    _require(_NAME.fullmatch(service.name), errors.BAD_FIELD, "name: 1 to 128 characters without /")
    _require(_HOST.fullmatch(service.host), errors.BAD_UC_SERVICE, f"host: {service.host}")
    _require(0 <= service.port <= 65535, errors.BAD_UC_SERVICE, f"port: {service.port}")
    known = memory.uc_service(service.name)
    if known and known.kind is not service.kind:
        _unused("profile", [profile.name for profile in memory.profiles_with_service(service.name)])
    return service


def _edge_node(edge: EdgeNode) -> EdgeNode:
    fits = _HOST.fullmatch(edge.name) and edge.name == edge.name.lower()
    _require(fits, errors.BAD_EDGE_NODE, f"name: {edge.name}")
    for name in edge.subject_names:
        plain = 1 <= len(name) <= MAX_TEXT and _PLAIN.fullmatch(name) and name == name.strip()
        _require(plain and "*" not in name, errors.BAD_EDGE_NODE, f"subject_names: {name}")
    return edge


def consequences(entry: Entry, memory: Memory) -> tuple[Entry, ...]:
    """What else changes when `entry` is kept: there is one default service profile."""
    if isinstance(entry, ServiceProfile) and entry.is_default:
        others = (
            other for other in memory.service_profiles() if other.is_default and other.name != entry.name
        )
        return tuple(dataclasses.replace(other, is_default=False) for other in others)
    return ()


def released(entry: Entry, memory: Memory) -> tuple[Entry, ...]:
    """What changes when `entry` goes: what a user owned has no owner. Raises AP-DIR-016, AP-DIR-021."""
    match entry:
        case User():
            lines = (dataclasses.replace(line, owner="") for line in memory.lines_of(entry.userid))
            devices = (dataclasses.replace(device, owner="") for device in memory.devices_of(entry.userid))
            return (*lines, *devices)
        case Line():
            _unused("device", [device.name for device in memory.devices_with_line(entry.number)])
            _unused("hunt group", [group.number for group in memory.hunt_groups_with(entry.number)])
        case ServiceProfile():
            _require(not entry.is_default, errors.DEFAULT_PROFILE, entry.name)
            _unused("user", [user.userid for user in memory.users_with_profile(entry.name)])
        case UcService():
            _unused("profile", [profile.name for profile in memory.profiles_with_service(entry.name)])
    return ()


def _unused(kind: str, names: list[str]) -> None:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    _require(not names, errors.IN_USE, f"{kind} {', '.join(names[:5])}{more}")
