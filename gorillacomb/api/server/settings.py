"""The user's settings file, as a page shows and changes it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import RefusedForSafety, UsageError, VaultUnwritable
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.output_file import write_file
from gorillacomb.hashing import blake3_of_short
from gorillacomb.index.database import Index
from gorillacomb.vault.settings import Settings, fixed_part, load_settings
from gorillacomb.vault.vault import Vault, config_folder

__all__ = [
    "LISTS",
    "InvalidSettings",
    "SettingRefused",
    "SettingsFile",
    "change_settings",
    "read_settings",
    "settings_mistake",
]

LISTS = ("exclude", "prefer", "protect", "rules")
"""The settings that a page changes: lists of texts."""
_AROUND = 2
"""Lines that are shown before and after one with a mistake."""
_MOST_TRIED = 100
"""Entries of a setting that are tried one by one, to find the one that is wrong."""


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """The file and what it sets."""

    path: Path
    digest: str
    """BLAKE3 of the file, 32 hex digits; that of nothing if it does not exist."""
    settings: Settings
    lists: Mapping[str, Sequence[str]]
    """By the names of `LISTS`, as written."""


@dataclass(frozen=True, slots=True)
class InvalidSettings:
    """A settings file that no command takes."""

    path: Path
    cause: str
    """What is wrong, as a command says it, without the name of the file."""
    line: int | None
    """The number of the line with the mistake, from 1; None if that is not known."""
    around: Sequence[tuple[int, str]]
    """That line and some around it, with their numbers; at most 200 characters of each."""


class SettingRefused(UsageError):
    """A setting that is not valid, or names nothing; the file was not changed."""

    def __init__(self, setting: str, entry: str | None, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.setting = setting
        """One of `LISTS`."""
        self.entry = entry
        """The entry of it that is wrong; None if that is not known."""


def settings_mistake(vault: Vault) -> InvalidSettings | None:
    """Return what is wrong with the settings file; None if every command takes it.

    That includes a path in it that names nothing, but not a pattern: for that, all paths would be
    compared. Raises VaultError.
    """
    try:
        settings = load_settings()
        _check_named(vault, _without_patterns(settings))
    except UsageError as error:
        cause = error.message.removeprefix(f"{_file()}").lstrip(": ").removesuffix(".")
        if cause.startswith("cannot"):
            cause = f"it {cause}"
        lines = _lines_of_file()
        at = _line_of(lines, cause)
        first = 1 if at is None else max(at - _AROUND, 1)
        shown = lines[first - 1 : first + 2 * _AROUND] if at is not None else []
        around = [(number, text[:200]) for number, text in enumerate(shown, first)]
        return InvalidSettings(_file(), cause, at, around)
    return None


def _without_patterns(settings: Settings) -> Settings:
    def is_plain(text: str) -> bool:
        return fixed_part(text) == text

    return replace(
        settings,
        protect=tuple(filter(is_plain, settings.protect)),
        prefer=tuple(filter(is_plain, settings.prefer)),
        rules=tuple(each for each in settings.rules if all(map(is_plain, each.arguments))),
    )


def _lines_of_file() -> list[str]:
    try:
        return _read().decode("utf-8-sig", "replace").split("\n")
    except UsageError:
        return []


def _line_of(lines: Sequence[str], cause: str) -> int | None:
    """Return the number of the line that a cause is about; None if it names none."""
    told = re.search(r"at line (\d+)", cause)
    if told is not None:
        return min(int(told[1]), len(lines))
    # A wrong value: the setting that has it; before that, the value that the cause repeats.
    quoted = re.findall(r"'([^']+)'", cause)
    paths = [word.strip("'\";,:") for word in cause.split() if "/" in word]
    for text in (*quoted[:1], *paths):
        for number, line in enumerate(lines, 1):
            if text in line and not line.lstrip().startswith("#"):
                return number
    name = re.match(r"[a-z-]+", cause)
    for number, line in enumerate(lines, 1):
        if name is not None and re.match(rf"\s*\"?{re.escape(name[0])}\"?\s*=", line):
            return number
    return None


def read_settings() -> SettingsFile:
    """Read the settings file. Raises UsageError if it is invalid."""
    data = _read()
    return SettingsFile(
        _file(), blake3_of_short(data).hex(), load_settings(), _lists(_parsed(data))
    )


def change_settings(vault: Vault, seen: str, lists: Mapping[str, list[str]]) -> None:
    """Set some of the settings of `LISTS`, and leave the rest of the file as it is, comments too.

    ``seen`` is the digest of the file that was shown. Raises RefusedForSafety if it has changed
    since, SettingRefused for a value that is not valid or names nothing, VaultUnwritable.
    """
    data = _read()
    if blake3_of_short(data).hex() != seen:
        raise RefusedForSafety(f"{_file()} has changed since it was shown.", "Look at it again.")
    document = _parsed(data)
    before = _lists(document)
    for name, values in lists.items():
        if any("\n" in each for each in before[name]):
            text = f"Nothing was changed: {name} has an entry of several lines."
            raise SettingRefused(name, None, text, f"Change it in {_file()}.")
        if values == before[name]:
            continue  # as it is written, with its comments
        if values:
            document[name] = values
        else:
            del document[name]
    text = document.as_string().encode()
    cause = _why_refused(vault, text)  # what would not be read back is not written
    if cause is not None:
        raise _refusal(vault, lists, cause)
    try:
        _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(os.path.realpath(os.fsencode(_file())), text, replace=True)  # it may be a link
    except OSError as error:
        raise VaultUnwritable(
            f"Writing {_file()} failed: {os_error_text(error)}.",
            "Make room on that disk, or check its permissions.",
        ) from error


def _why_refused(vault: Vault, text: bytes) -> str | None:
    """Say why no command would take a file, such as for a path that does not exist; else None."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_bytes(text)
        try:
            _check_named(vault, load_settings(Path(folder)))
        except UsageError as error:
            return error.message.removeprefix(f"{file}: ")
    return None


def _refusal(vault: Vault, lists: Mapping[str, list[str]], cause: str) -> UsageError:
    """Return the error for some settings: each is tried alone, to find the one that is wrong."""
    import tomlkit

    def alone(name: str, values: list[str]) -> str | None:
        return _why_refused(vault, tomlkit.dumps({name: values}).encode())

    hint = "Correct that line."
    for name, values in lists.items():
        whole = alone(name, values)
        if whole is not None:
            tried = ((each, alone(name, [each])) for each in values[:_MOST_TRIED])
            wrong = next(((each, why) for each, why in tried if why is not None), None)
            entry, why = wrong or (None, whole)
            return SettingRefused(name, entry, f"Nothing was changed: {why}", hint)
    return UsageError(f"Nothing was changed: {cause}", hint)  # it is about another setting


def _check_named(vault: Vault, settings: Settings) -> None:
    if vault.index.exists():
        with Index.read(vault) as index:
            named = NamedPaths(index)
            named.patterns(settings.protect, "protect")
            named.patterns(settings.prefer, "prefer")
            named.rules(settings.rules)


def _file() -> Path:
    return config_folder() / "config.toml"


def _read() -> bytes:
    try:
        return _file().read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UsageError(f"{_file()} cannot be read: {os_error_text(error)}.") from error


def _lists(document: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: list(map(str, document.get(name, ()))) for name in LISTS}


def _parsed(data: bytes):  # type: ignore[no-untyped-def]
    import tomlkit  # of the extra `web`: it keeps comments and order
    from tomlkit.exceptions import ParseError

    try:
        return tomlkit.parse(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ParseError) as error:
        raise UsageError(f"{_file()} cannot be read: {error}.", "Correct or remove it.") from error
