"""Judge whether the watcher is alive, from its pulses and the trace's present head only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.openat import os_error_text
from gorillacomb.model import SECOND
from gorillacomb.watch.health import WatcherState
from gorillacomb.watch.pulse import LATEST, RING, UNWRITTEN, Clocks, read_pulse

_LATE = 1.5
"""Intervals without a pulse after which one was missed."""
_DRIFT_NS = 2 * SECOND
"""How much a synchronized wall clock may drift from the monotonic clock between two pulses."""


class PulseState(StrEnum):
    """The watcher's state."""

    ALIVE = "alive"
    DEGRADED = "degraded"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class PulseStatus:
    """The watcher's state, and why it is not simply alive."""

    life: PulseState
    causes: tuple[str, ...]
    pulse: dict[str, Any] | None
    """The last one; None if none can be read."""
    age_ns: int | None
    """Age of the last one; None if unknown."""
    is_late: bool = False
    """Whether it is dead only because there is no newer pulse."""


def check_pulse(folder: Path, publics: list[bytes], clocks: Clocks) -> PulseStatus:
    """Read a watcher's pulses, signed by one of these keys, and judge its state."""
    try:
        last = read_pulse(folder / LATEST, publics)
    except FileNotFoundError:
        return PulseStatus(PulseState.DEAD, ("no watcher has run with this vault",), None, None)
    except UntrustedInput as error:
        return PulseStatus(PulseState.DEAD, (error.message,), None, None)
    except OSError as error:
        return PulseStatus(
            PulseState.DEAD, (f"its pulse cannot be read: {os_error_text(error)}",), None, None
        )
    if last["boot_id"] != clocks.boot():
        return PulseStatus(
            PulseState.DEAD, ("the machine was started anew since its last pulse",), last, None
        )
    age = clocks.uptime() - int(last["uptime_ns"])
    late = int(last["interval_ns"]) * _LATE
    if last["state"] == WatcherState.STOPPED:
        then = (f"when it ended: {each}" for each in last["degraded"])
        return PulseStatus(PulseState.DEAD, ("it was ended", *then), last, age)
    if age > late:
        cause = f"no pulse for {age / SECOND:,.0f} s"
        return PulseStatus(PulseState.DEAD, (cause,), last, age, is_late=True)
    causes = list(dict.fromkeys([*last["degraded"], *_odd(_ring(folder, publics, last))]))
    moved = clocks.wall() - int(last["time_ns"]) - age
    if moved < -_DRIFT_NS:
        causes.append(f"the clock was set back by {-moved / SECOND:,.0f} s")
    return PulseStatus(
        PulseState.DEGRADED if causes else PulseState.ALIVE, tuple(causes), last, age
    )


def _ring(folder: Path, publics: list[bytes], last: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pulses of the same watcher up to the last one, oldest first."""
    found = [last]
    for number in range(RING):
        try:
            each = read_pulse(folder / f"{number:02}", publics)
        except (UntrustedInput, OSError):
            continue  # being written right now, or left over from another watcher
        if (each["pid"], each["boot_id"]) == (last["pid"], last["boot_id"]) and (
            last["seq"] - RING < each["seq"] < last["seq"]
        ):
            found.append(each)
    return sorted(found, key=lambda each: int(each["seq"]))


def _odd(pulses: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield irregularities between consecutive pulses."""
    for one, other in pairwise(pulses):
        if other["seq"] != one["seq"] + 1:
            continue  # the ring advanced while it was read
        gap = int(other["uptime_ns"]) - int(one["uptime_ns"])
        moved = int(other["time_ns"]) - int(one["time_ns"]) - gap
        if gap > int(one["interval_ns"]) * _LATE:
            yield f"a pulse came {gap / SECOND:,.1f} s after the one before it"
            yield from (cause for cause in other["degraded"] if cause.startswith(UNWRITTEN))
        if moved < -_DRIFT_NS:
            yield f"the clock was set back by {-moved / SECOND:,.0f} s"
        was, then = one["ledger"], other["ledger"]
        if was and then and was["log"] == then["log"] and then["size"] < was["size"]:
            yield "the trace became shorter"
