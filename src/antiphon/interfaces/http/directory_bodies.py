"""What the directory's resources take and give, made from the nouns of the model: one source for both."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from antiphon.interfaces.http.api_errors import BAD_REQUEST
from antiphon.kernel.codec import encode
from antiphon.services.directory.memory import Entry, EntryKind

STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)


def body_model(kind: EntryKind, key: str, *, partial: bool = False) -> type[BaseModel]:
    """The JSON form of an entry. `partial`: every field may be left out, and the key is not there.

    An unknown field is an error: a misspelt one must not be lost in silence.
    """
    hints = typing.get_type_hints(kind)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if partial:
            if field.name not in (key, "pkid"):
                fields[field.name] = (hints[field.name] | None, None)
        elif field.name == "pkid":
            fields[field.name] = (str, "")
        else:
            required = field.default is dataclasses.MISSING
            fields[field.name] = (hints[field.name], ... if required else field.default)
    name = f"{kind.__name__}{'Change' if partial else ''}"
    model: type[BaseModel] = create_model(name, __config__=STRICT, **fields)
    return model


def given(body: BaseModel) -> dict[str, Any]:
    """The fields that the request named; null is not a value of any."""
    values = {name: getattr(body, name) for name in body.model_fields_set}
    if nulls := sorted(name for name, value in values.items() if value is None):
        raise BAD_REQUEST.error(f"{', '.join(nulls)}: null")
    return values


def etag(entry: Entry) -> str:
    """A strong validator: equal entries have equal ones, on every node."""
    text = json.dumps(encode(entry), sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def read_cursor(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BAD_REQUEST.error("cursor: use the one that the page before gave") from None


def wanted(headers: Mapping[str, str], name: str) -> list[str]:
    """The entity tags of `If-Match` or `If-None-Match`; weak ones count as strong ones never do: not at all."""
    return [tag.strip() for tag in headers.get(name, "").split(",") if tag.strip()]
