"""Canonical JSON: RFC 8785's own examples, and the package rfc8785 as the oracle for the rest."""

from __future__ import annotations

import json
import math
import struct
import time
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh import jcs

# RFC 8785, section 3.2.2: the sample object, and section 3.2.4: the bytes that it becomes.
SAMPLE = r"""
{
  "numbers": [333333333.33333329, 1E30, 4.50,
              2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}
"""
SAMPLE_BYTES = """
7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72
75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 65 72 73 22 3a
5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31
65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37
5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30
30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d
"""
# RFC 8785, section 3.2.3: the names in the order in which they are to stand.
SORTED = {
    "\r": "Carriage Return",
    "1": "One",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
    "\u20ac": "Euro Sign",
    "\U0001f600": "Emoji: Grinning Face",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
}
# RFC 8785, appendix B: IEEE 754 doubles and how ECMAScript writes them.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


def test_the_sample_of_the_rfc() -> None:
    assert jcs.canonical_json(json.loads(SAMPLE)) == bytes.fromhex(SAMPLE_BYTES)


def test_the_order_of_the_rfc() -> None:
    shuffled = dict(sorted(SORTED.items(), reverse=True))
    assert list(json.loads(jcs.canonical_json(shuffled))) == list(SORTED)
    assert jcs.canonical_json(shuffled) == rfc8785.dumps(shuffled)


@pytest.mark.parametrize("bits", NUMBERS)
def test_the_numbers_of_the_rfc(bits: str) -> None:
    [number] = struct.unpack(">d", bytes.fromhex(bits))
    assert jcs.canonical_json(number) == NUMBERS[bits].encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_the_numbers_that_the_rfc_refuses(bits: str) -> None:
    [number] = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(ValueError, match="is not a JSON number"):
        jcs.canonical_json(number)


# Odd names: around the surrogates, where code points and UTF-16 code units sort differently.
TEXT = st.one_of(
    st.text(max_size=5),
    st.text(st.characters(min_codepoint=0, max_codepoint=0x20), max_size=3),
    st.text(st.sampled_from("a\ud7ff\ue000\ufb33\uffff\U00010000\U0010ffff\x7f\u2028"), max_size=3),
    st.text(st.characters(categories=["Cs", "Ll"]), max_size=2),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(1 << 53) - 1, (1 << 53) + 1),
    st.floats(),
    st.integers(0, (1 << 64) - 1).map(lambda bits: struct.unpack(">d", bits.to_bytes(8))[0]),
    TEXT,
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(TEXT, inner, max_size=5),
    ),
    max_leaves=12,
)


def oracle(value: Any) -> bytes | None:
    """What the package makes of it; None where it refuses."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError):
        return None


@given(JSON)
def test_anything_is_as_the_package_has_it(value: Any) -> None:
    expected = oracle(value)
    if expected is None:
        with pytest.raises(ValueError):
            jcs.canonical_json(value)
    else:
        assert jcs.canonical_json(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_as_the_package_has_them_and_read_back(value: float) -> None:
    written = jcs.canonical_json(value)
    assert written == oracle(value)
    assert float(written) == value


ASCII_KEYS = st.text(st.characters(max_codepoint=0x7F), max_size=4)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-jcs.MOST, jcs.MOST), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(ASCII_KEYS, inner, max_size=5),
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_the_fast_form_is_the_canonical_one(value: Any) -> None:
    assert jcs.canonical_json_fast(value) == oracle(value) == jcs.canonical_json(value)


@pytest.mark.parametrize(
    "value",
    [1 << 53, -(1 << 53), 1 << 70, "\ud800", {"\udfff": 1}, ["a\udc80"], object(), b"x", {1: 2}],
)
def test_what_cannot_be_written(value: Any) -> None:
    with pytest.raises(ValueError):
        jcs.canonical_json(value)
    with pytest.raises(ValueError):
        jcs.canonical_json_fast(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [{1, 2}]}, {None: 1}, 1 + 2j])
def test_what_else_cannot_be_written(value: Any) -> None:
    with pytest.raises(ValueError):
        jcs.canonical_json(value)


# Reading what came from outside.


@given(PLAIN)
def test_what_was_written_is_read_back(value: Any) -> None:
    assert jcs.canonical_json(
        jcs.parse_strict(jcs.canonical_json(value), "It")
    ) == jcs.canonical_json(value)


REFUSED = {
    "a key twice": b'{"a": 1, "b": 2, "a": 1}',
    "a key twice, deep": b'[{"x": {"a": 1, "a": 1}}]',
    "a key twice, escaped": b'{"a": 1, "\\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"-Infinity",
    "a fraction": b"[1.5]",
    "an exponent": b"1e2",
    "a number too large for a double": b"1e400",
    "an integer too large": b"9007199254740992",
    "an integer too small": b"-9007199254740992",
    "a huge integer": b"1" + b"0" * 5_000_000,
    "bad UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "half a pair": b'"\\ud800"',
    "half a pair in a key": b'{"\\uDC00x": 1}',
    "a pair the wrong way round": b'"\\udc00\\ud800"',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "something behind it": b"{} {}",
    "a zero byte behind it": b"{}\x00",
    "nothing": b"",
    "only spaces": b"  ",
    "a comma too many": b"[1,]",
    "a comment": b"{} // no",
    "single quotes": b"{'a': 1}",
    "a raw control character": b'"\x01"',
    "a line end in a string": b'"\n"',
    "a leading zero": b"01",
    "a plus": b"+1",
    "cut short": b'{"a": "b',
    "half an escape": b'"\\u12"',
    "an unknown escape": b'"\\x41"',
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what: str) -> None:
    with pytest.raises(UntrustedInput, match="The note is refused: ") as raised:
        jcs.parse_strict(REFUSED[what], "The note")
    assert len(raised.value.message) < 300


@pytest.mark.parametrize("unit", [b"[", b'{"a":', b"[[],", b'[{"a":[', b"[1,"])
def test_a_hundred_megabytes_of_nesting(unit: bytes) -> None:
    data = unit * (100_000_000 // len(unit))
    start = time.process_time()
    with pytest.raises(UntrustedInput, match="nested too deeply"):
        jcs.parse_strict(data, "The note")
    assert time.process_time() - start < 2


def test_a_key_of_a_megabyte_that_stands_twice() -> None:
    key = b'"' + b"k" * (1 << 20) + b'"'
    with pytest.raises(UntrustedInput) as raised:
        jcs.parse_strict(b"{" + key + b":1," + key + b":1}", "The note")
    assert len(raised.value.message) < 200


def test_pairs_of_surrogates_are_let_in() -> None:
    assert jcs.parse_strict(b'{"\\ud83d\\ude00": "\\uD83D\\uDE00"}', "It") == {
        "\U0001f600": "\U0001f600"
    }
