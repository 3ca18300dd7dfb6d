"""Canonical JSON (RFC 8785, JCS), and strict parsing of JSON from outside."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from gorillacomb.errors import UntrustedInput

MOST = (1 << 53) - 1
"""The largest integer that every JSON reader keeps exact (RFC 8785, section 3.2.2.3)."""
_FIRST_SURROGATE = "\ud800"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def canonical_json(value: Any) -> bytes:
    """Serialize a JSON value in the form of RFC 8785.

    Accepts None, bool, int, float, str, list, tuple and dict with str keys. Raises ValueError for
    what JSON or JCS cannot represent: other types, lone surrogates, NaN, integers beyond 2^53 - 1.
    """
    if _is_plain(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return _text(value).encode("utf-8")  # raises UnicodeEncodeError, a ValueError, for surrogates


def _is_plain(value: Any) -> bool:
    """Return whether orjson's output is canonical.

    It is not for floats (ECMAScript formats them differently), nor where sorting keys by UTF-16
    code units could differ from sorting by code points.
    """
    if value is None or value is True or value is False:
        return True
    kind = type(value)
    if kind is str:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True
    if kind is int:
        return bool(-MOST <= value <= MOST)
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    if kind is dict:
        for key in value:
            if type(key) is not str or (not key.isascii() and max(key) >= _FIRST_SURROGATE):
                return False
        return all(map(_is_plain, value.values()))
    return False


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -MOST <= value <= MOST:
            raise ValueError(f"{value} is beyond the integers of JSON")
        return str(int(value))
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key that is not a string")
        keys = sorted(value, key=_utf_16)
        return f"{{{','.join(f'{_string(key)}:{_text(value[key])}' for key in keys)}}}"
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _utf_16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """Format a float as ECMAScript's Number::toString does (ECMA-262, section 6.1.6.1.20)."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{value} is not a JSON number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    # repr gives the shortest digits that read back as the same number, as ECMAScript does.
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    digits = (whole + fraction).strip("0")
    point = len(whole) - leading + int(exponent or 0)
    if len(digits) <= point <= 21:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{point - 1:+d}"


def parse_strict(data: bytes, what: str) -> Any:
    """Parse JSON that came from outside; ``what`` names it in errors.

    Only null, booleans, integers up to 2^53 - 1, strings, lists and objects are accepted. Raises
    UntrustedInput for anything else: a duplicate key, bad UTF-8, fractions, deep nesting, half of a
    surrogate pair.
    """
    try:
        found = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_integer,
        )
        if _SURROGATE.search(data):
            canonical_json(found)  # raises ValueError for half of a pair
        return found
    except RecursionError:
        raise UntrustedInput(f"{what} is refused: it is nested too deeply.") from None
    except UnicodeDecodeError as error:
        raise UntrustedInput(f"{what} is refused: byte {error.start} is not UTF-8.") from None
    except ValueError as error:
        raise UntrustedInput(f"{what} is refused: {error}.") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:40]!r} occurs in it twice")
    return found


def _refuse_number(text: str) -> None:
    raise ValueError(f"{text[:40]} is not an integer")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MOST:
        raise ValueError(f"{text[:40]} is beyond the integers of JSON")
    return int(text)


def canonical_json_fast(value: Any) -> bytes:
    """Do what `canonical_json` does, much faster, for values without floats and with ASCII keys.

    Raises ValueError for lone surrogates and for integers beyond 2^53 - 1.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except TypeError as error:
        raise ValueError(str(error)) from None


def parse_own(data: bytes) -> Any:
    """Parse JSON that we wrote. Raises ValueError."""
    return orjson.loads(data)
