"""Read the user's own settings: `config.toml` in the configuration folder."""

from __future__ import annotations

import fnmatch
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gorillacomb.errors import UsageError
from gorillacomb.fs.real_path import real_path, real_path_of_entry
from gorillacomb.vault.vault import config_folder

if TYPE_CHECKING:
    from gorillacomb.vault.keep_rules import KeepRule

_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_STEM = re.compile(r"\{stem\}.")
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What applies to every root, unless an option says otherwise."""

    exclude: tuple[str, ...] = ()
    min_size: int | None = None
    prefer: tuple[str, ...] = ()
    """Paths, or globs over whole paths, whose copies are preferred."""
    workers: int | None = None
    machine_made: tuple[str, ...] = ()
    """Names of machine-made folders, in addition to the well-known ones."""
    noise: tuple[str, ...] | None = None
    """Names of files that are ignored when folders are compared; None for those that systems leave
    behind."""
    protect: tuple[str, ...] = ()
    """Paths, or globs over whole paths, that no plan touches."""
    companions: tuple[tuple[str, ...], ...] = ()
    """Names of files that belong together, in addition to the well-known ones."""
    rules: tuple[KeepRule, ...] = ()
    """Which copy to keep, in the order in which they are applied."""

    @property
    def machine_names(self) -> frozenset[bytes]:
        """`machine_made` as names on disk."""
        return frozenset(map(os.fsencode, self.machine_made))

    def preferred(self, path: bytes) -> bool:
        """Return whether a path is in a preferred place."""
        return bool(self.prefer) and is_in_any(path, self.prefer)

    @property
    def choice(self) -> str:
        """What it says about which copy to keep, to notice when that changes; empty if nothing."""
        rules = [rule.text for rule in self.rules]
        return json.dumps([self.prefer, rules]) if self.prefer or rules else ""


def is_in_any(path: bytes, places: Iterable[str]) -> bool:
    """Return whether a path is one of some places, is in one, or matches a pattern among them."""
    text = os.fsdecode(path)
    return any(
        text == place
        or text.startswith(place.rstrip("/") + "/")
        or fnmatch.fnmatchcase(text, place)
        for place in places
    )


def fixed_part(text: str) -> str:
    """Return a path or pattern up to the last slash before its first star or bracket."""
    match = re.search(r"[*?[]", text)
    return text if match is None else text[: match.start()].rpartition("/")[0]


def path_spellings(text: str) -> tuple[str, ...]:
    """Return a path or pattern as written, and with the links before its first star resolved.

    It matches both a link and its target. A text that begins with a star matches any path.
    """
    fixed = text if os.path.lexists(text) else fixed_part(text)
    if not fixed.startswith("/"):
        return (text,)
    path = os.fsencode(fixed)
    ways = map(os.fsdecode, (path, real_path_of_entry(path), real_path(path)))
    return tuple(dict.fromkeys(way + text[len(fixed) :] for way in ways))


def parse_size(text: str) -> int:
    """Read a size such as ``10MB`` (10,000,000 bytes) or ``1GiB`` (2^30); raises ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size; write 500, 10MB or 1GiB")
    number, unit, binary = match.groups()
    base = 1024 if binary else 1000
    too_long = len(number.partition(".")[0]) > 18
    size = 0 if too_long else int(float(number) * base ** _UNITS[unit.lower()])
    if too_long or size >= 1 << 63:
        raise ValueError(f"{text[:40]!r} is larger than any file can be")
    return size


def _values(path: Path) -> dict[str, Any]:
    """Parse a settings file; raises OSError, and ValueError if it is not TOML in UTF-8."""
    text = path.read_text("utf-8-sig")  # some editors write a byte order mark
    import tomllib  # deferred: most users have no settings; 3 % of a short command

    return tomllib.loads(text)


def load_settings(folder: Path | None = None) -> Settings:
    """Read `config.toml`; return the defaults if it is missing.

    Raises UsageError if it is invalid.
    """
    path = (folder or config_folder()) / "config.toml"
    try:
        values = _values(path)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Correct or remove it.") from error
    known = {
        "companions",
        "exclude",
        "machine-made",
        "min-size",
        "noise",
        "prefer",
        "protect",
        "rules",
        "workers",
    }
    unknown = sorted(set(values) - known)
    try:
        if unknown:
            raise ValueError(
                f"it has no setting {unknown[0]!r}; there are {', '.join(sorted(known))}"
            )
        return Settings(
            exclude=_texts(values, "exclude"),
            min_size=_size(values, "min-size"),
            prefer=_paths(values, "prefer"),
            protect=_paths(values, "protect"),
            workers=_number(values, "workers"),
            machine_made=_texts(values, "machine-made"),
            noise=_texts(values, "noise") if "noise" in values else None,
            companions=_sets(values, "companions"),
            rules=_rules(_texts(values, "rules")),
        )
    except ValueError as error:
        raise UsageError(f"{path}: {error}.", "Correct that line.") from error


def _texts(values: dict[str, object], key: str) -> tuple[str, ...]:
    given = values.get(key, [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise ValueError(f"{key} must be a list of strings")
    return tuple(given)


def _rules(texts: Sequence[str]) -> tuple[KeepRule, ...]:
    if not texts:
        return ()
    from gorillacomb.vault.keep_rules import parse_keep_rules  # few users have any

    return parse_keep_rules(texts)


def _sets(values: dict[str, object], key: str) -> tuple[tuple[str, ...], ...]:
    given = values.get(key, [])
    if not isinstance(given, list) or not all(
        isinstance(each, list) and each and all(isinstance(name, str) for name in each)
        for each in given
    ):
        raise ValueError(f"{key} must be a list of lists of names, such as [['{{stem}}.gpx']]")
    if not all(_STEM.match(name) for each in given for name in each):
        raise ValueError(f"{key}: each name must begin with {{stem}} and continue: '{{stem}}.gpx'")
    return tuple(map(tuple, given))


def _paths(values: dict[str, object], key: str) -> tuple[str, ...]:
    found = map(os.path.expanduser, _texts(values, key))
    return tuple(dict.fromkeys(way for text in found for way in path_spellings(text)))


def _size(values: dict[str, object], key: str) -> int | None:
    if key not in values:
        return None
    try:
        return parse_size(str(values[key]))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _number(values: dict[str, object], key: str) -> int | None:
    given = values.get(key)
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 0):
        raise ValueError(f"{key} must be a whole number")
    return given
