"""Moments as scrolls have them: to the second, in UTC (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gorillacomb.model import SECOND

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def end_of(text: str) -> str:
    """Return the moment that is meant by a date, its last second, or by a moment.

    Raises ValueError.
    """
    moment = f"{text}T23:59:59Z" if _DAY.fullmatch(text) else text
    seconds_of(moment)
    return moment


def seconds_of(moment: str) -> int:
    """Return the seconds since 1970 of a moment in the form of scrolls. Raises ValueError."""
    if _MOMENT.fullmatch(moment) is None:
        raise ValueError("it is neither a date, YYYY-MM-DD, nor a moment, YYYY-MM-DDTHH:MM:SSZ")
    try:
        return int(datetime.strptime(moment, _FORM).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError("there is no such date or time") from None


def is_over(moment: str | None, now_ns: int) -> bool:
    """Return whether a moment is past; the second that it names is still part of it."""
    return moment is not None and now_ns // SECOND > seconds_of(moment)
