"""Users with their lines and devices from a table: checked as a whole, kept as a whole.

A column that is absent changes nothing; an empty cell empties the field. One user may have several rows, for several
lines or devices.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from antiphon.kernel.errors import DomainError
from antiphon.model import Device, DeviceLine, Line, User
from antiphon.services.directory import rules
from antiphon.services.directory.errors import BAD_CSV
from antiphon.services.directory.memory import Entry, Memory

if TYPE_CHECKING:
    from antiphon.services.directory.service import Directory

TEXTS = (
    "first_name",
    "last_name",
    "display_name",
    "mail",
    "directory_uri",
    "telephone",
    "mobile",
    "home_phone",
    "department",
    "title",
    "manager",
    "locale",
    "service_profile",
)
FLAGS = ("enabled", "im_enabled", "admin")
COLUMNS = ("userid", *TEXTS, *FLAGS, "line", "line_display_name", "device", "device_description")
MAX_ROWS = 5_000
"""A table is checked and kept in one go, during which the loop does nothing else: a quarter of a millisecond an entry."""
MAX_ERRORS = 200
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class RowError:
    row: int
    """Line of the file where the row begins; the header is 1."""
    userid: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    rows: int
    added: tuple[str, ...] = ()
    """`user alice`, `line 1001` …"""
    changed: tuple[str, ...] = ()
    errors: tuple[RowError, ...] = ()
    """With any, nothing was kept."""
    dry_run: bool = False


async def import_csv(
    directory: Directory, data: bytes, *, dry_run: bool = False, actor: str = ""
) -> ImportReport:
    """Raises AP-DIR-030 for what is no such table at all."""
    plan = Plan(directory)
    rows = 0
    for number, row in _rows(data):
        rows += 1
        plan.add(number, row)
    report = plan.report(rows, dry_run)
    if not report.errors and not dry_run:
        await directory.put_all(plan.entries, actor=actor)
    return report


def _rows(data: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BAD_CSV.error(f"byte {error.start} is not UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        if "userid" not in header or len(set(header)) != len(header):
            raise BAD_CSV.error("the header row needs the column userid, and each column once")
        if unknown := [name for name in header if name not in COLUMNS]:
            raise BAD_CSV.error(f"unknown column {unknown[0][:64]!r}")
        reader.fieldnames = header
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise BAD_CSV.error(f"line {reader.line_num}: not as many cells as the header has")
            rows.append((reader.line_num, {name: cell.strip() for name, cell in row.items()}))
            if len(rows) > MAX_ROWS:
                raise BAD_CSV.error(f"more than {MAX_ROWS} rows")
    except csv.Error as error:
        raise BAD_CSV.error(f"line {reader.line_num}: {error}") from None
    return rows


class Plan:
    """What the rows so far would make of the directory."""

    def __init__(self, directory: Directory) -> None:
        self._before: Memory = directory
        self._scratch = directory.copy()
        self._random = directory.random
        self._written: dict[tuple[type, str], Entry] = {}
        self._errors: list[RowError] = []

    @property
    def entries(self) -> list[Entry]:
        """Users, then lines, then devices: what is referred to first."""
        order: list[type] = [User, Line, Device]
        return sorted(self._written.values(), key=lambda entry: order.index(type(entry)))

    def add(self, number: int, row: dict[str, str]) -> None:
        try:
            user = self._user(row)
            line = self._line(row, user)
            self._device(row, user, line)
        except DomainError as error:
            detail = f" ({error.detail})" if error.detail else ""
            message = f"{error.fault.what}{detail}"
            self._errors.append(RowError(number, row["userid"][:128], error.code, message))

    def report(self, rows: int, dry_run: bool) -> ImportReport:
        if self._errors:
            return ImportReport(rows, errors=tuple(self._errors[:MAX_ERRORS]), dry_run=dry_run)
        added, changed = [], []
        for (kind, key), entry in self._written.items():
            known = self._before.get(type(entry), key)
            if known is None:
                added.append(f"{kind.__name__.lower()} {key}")
            elif known != entry:
                changed.append(f"{kind.__name__.lower()} {key}")
        return ImportReport(rows, tuple(added), tuple(changed), dry_run=dry_run)

    def _user(self, row: dict[str, str]) -> User:
        userid = row["userid"].lower()
        values: dict[str, Any] = {name: row[name] for name in TEXTS if name in row}
        if values.get("locale") == "":
            values["locale"] = "en"
        for name in FLAGS:
            if row.get(name):
                values[name] = _flag(name, row[name])
        known = self._scratch.user(userid)
        user = replace(known or User(userid, ""), **values)
        if not user.display_name:
            user = replace(user, display_name=f"{user.first_name} {user.last_name}".strip())
        if row.get("line") and not user.telephone:
            user = replace(user, telephone=row["line"])
        kept = self._keep(user, userid)
        assert isinstance(kept, User)
        return kept

    def _line(self, row: dict[str, str], user: User) -> str:
        if not (number := row.get("line", "")):
            return ""
        line = replace(self._scratch.line(number) or Line(number, ""), owner=user.userid)
        if name := row.get("line_display_name", "") or (line.display_name or user.display_name):
            line = replace(line, display_name=name)
        self._keep(line, number)
        return number

    def _device(self, row: dict[str, str], user: User, number: str) -> None:
        if not (name := row.get("device", "")):
            return
        device = replace(self._scratch.device(name) or Device(name, ""), owner=user.userid)
        if "device_description" in row:
            device = replace(device, description=row["device_description"])
        if number and number not in [line.number for line in device.lines]:
            index = max((line.index for line in device.lines), default=0) + 1
            appearance = DeviceLine(number, index, label=user.display_name)
            device = replace(device, lines=(*device.lines, appearance))
        self._keep(device, name)

    def _keep(self, entry: Entry, key: str) -> Entry:
        kept = rules.checked(entry, self._scratch, self._random)
        self._scratch.keep(kept)
        self._written[type(kept), key] = kept
        return kept


def _flag(name: str, cell: str) -> bool:
    try:
        return _YES_NO[cell.lower()]
    except KeyError:
        raise BAD_CSV.error(f"{name}: {cell[:32]!r} is neither true nor false") from None
