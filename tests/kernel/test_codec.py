from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.kernel.codec import CodecError, decode, encode
from antiphon.model import Device, DeviceLine, SecurityMode, ServiceKind, ServiceProfile


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    number: int
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Outer:
    text: str
    raw: bytes
    flag: bool
    colour: Colour
    many: tuple[Inner, ...] = ()
    pair: tuple[str, int] = ("", 0)
    names: frozenset[str] = frozenset()
    maybe: Inner | None = None


outers = st.builds(
    Outer,
    text=st.text(),
    raw=st.binary(),
    flag=st.booleans(),
    many=st.lists(st.builds(Inner, share=st.floats(allow_nan=False, allow_infinity=False))).map(tuple),
)


@given(outers)
def test_decoding_gives_back_what_was_encoded(value: Outer) -> None:
    assert decode(Outer, json.loads(json.dumps(encode(value)))) == value


def test_a_device_and_a_profile_go_through_json() -> None:
    device = Device("CSFALICE", "1", lines=(DeviceLine("1001"),), security_mode=SecurityMode.AUTHENTICATED)
    profile = ServiceProfile("Default", "2", services=((ServiceKind.CTI, ("cti1", "cti2")),))
    assert decode(Device, json.loads(json.dumps(encode(device)))) == device
    assert decode(ServiceProfile, json.loads(json.dumps(encode(profile)))) == profile


def test_unknown_fields_are_ignored_and_absent_ones_take_their_default() -> None:
    assert decode(Inner, {"number": 3, "later": "x"}) == Inner(3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_whatever_comes_is_a_value_or_a_codec_error(data: Any) -> None:
    for given_data in (
        data,
        {"text": data, "raw": data, "flag": data, "colour": data, "many": data, "pair": data},
    ):
        with pytest.raises(CodecError):
            decode(Outer, given_data)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({}, "number"),
        ({"number": "3"}, "'3' is not int"),
        ({"number": True}, "True is not int"),
        ({"number": 1, "share": "x"}, "not float"),
        ([], "not an object"),
    ],
)
def test_the_error_says_what_does_not_fit(data: Any, where: str) -> None:
    with pytest.raises(CodecError, match=where):
        decode(Inner, data)


def test_what_has_no_json_form_is_an_error() -> None:
    with pytest.raises(CodecError):
        encode(object())
