"""Frozen dataclasses as JSON values and back: events between processes, directory entries over HTTP.

A dataclass is an object by field names, an enum its value, bytes base64, a tuple or frozenset an array. Unknown fields are
ignored and absent ones take their default, so that neighbouring versions understand each other.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")
Decoder = Callable[[Any], Any]


class CodecError(ValueError):
    """The value does not fit the type; the text names where."""


def encode(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, frozenset):
        return sorted(encode(item) for item in value)
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise CodecError(f"no JSON form for {type(value).__name__}")


def decode(kind: type[T], data: Any) -> T:
    """Raises `CodecError`, never anything else."""
    key: Any = kind
    return cast(T, _decoder(key)(data))


@functools.cache
def _decoder(kind: Any) -> Decoder:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional(kind, arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin is frozenset:
        return lambda data: frozenset(_array(arguments[0], data))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return functools.partial(_enum, kind)
    if kind is bytes:
        return _bytes
    if kind in (str, int, float, bool):
        return functools.partial(_scalar, kind)
    raise TypeError(f"no decoder for {kind!r}")


def _object(kind: type[Any]) -> Decoder:
    hints = typing.get_type_hints(kind)
    decoders = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)}

    def run(data: Any) -> Any:
        if not isinstance(data, dict):
            raise CodecError(f"{kind.__name__}: not an object")
        try:
            return kind(**{name: decoders[name](value) for name, value in data.items() if name in decoders})
        except TypeError as error:
            raise CodecError(f"{kind.__name__}: {error}") from None
        except CodecError as error:
            raise CodecError(f"{kind.__name__}: {error}") from None

    return run


def _optional(kind: Any, arguments: tuple[Any, ...]) -> Decoder:
    some = [argument for argument in arguments if argument is not types.NoneType]
    if len(some) != 1:
        raise TypeError(f"no decoder for {kind!r}: only `X | None`")
    inner = _decoder(some[0])
    return lambda data: None if data is None else inner(data)


def _tuple(arguments: tuple[Any, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return lambda data: tuple(_array(arguments[0], data))
    decoders = [_decoder(argument) for argument in arguments]

    def run(data: Any) -> Any:
        if not isinstance(data, list | tuple) or len(data) != len(decoders):
            raise CodecError(f"not an array of {len(decoders)}")
        return tuple(decoder(item) for decoder, item in zip(decoders, data, strict=True))

    return run


def _array(kind: Any, data: Any) -> list[Any]:
    if not isinstance(data, list | tuple):
        raise CodecError("not an array")
    decoder = _decoder(kind)
    return [decoder(item) for item in data]


def _enum(kind: type[enum.Enum], data: Any) -> enum.Enum:
    try:
        return kind(data)
    except ValueError:
        raise CodecError(
            f"{data!r} is not one of {', '.join(str(member.value) for member in kind)}"
        ) from None


def _bytes(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (TypeError, ValueError):
        raise CodecError("not base64") from None


def _scalar(kind: type[Any], data: Any) -> Any:
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise CodecError(f"{data!r} is not {kind.__name__}"[:200])
    return data
