"""Every error that Gorilla Comb raises on purpose, each with the exit code of the command line.

An error says what happened, to which path, and what to do next: ``message`` is the first line that
a user reads, ``hint`` the second. Failures of single files are not errors but values
(`model.UnreadablePath`).
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from enum import IntEnum
from typing import Self

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
"""The signals that end a command in good order, with `Interrupted`."""


class ExitCode(IntEnum):
    """The exit codes of all commands: scripts rely on these numbers, so they never change."""

    meaning: str

    DONE = 0, "done"
    FOUND = 1, "the check found something"
    USAGE = 2, "wrong usage"
    INCOMPLETE = 3, "done, but some files could not be read"
    VAULT = 4, "the vault cannot be used"
    REFUSED = 5, "refused for safety"
    INTERRUPTED = 130, "interrupted, with everything so far kept"

    def __new__(cls, code: int, meaning: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    @classmethod
    def of_check(cls, *, found: bool, incomplete: bool) -> ExitCode:
        """Return the exit code of a check: findings outrank what could not be checked."""
        if found:
            return cls.FOUND
        return cls.INCOMPLETE if incomplete else cls.DONE


class GorillaCombError(Exception):
    """The base class of all errors. ``exit_code`` is the exit code of the command line."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(GorillaCombError):
    """An impossible request: a missing path, a pattern that does not parse."""

    exit_code = ExitCode.USAGE


class RootVanished(GorillaCombError):
    """A drive is missing: never plugged in, or unplugged during a scan."""

    exit_code = ExitCode.INCOMPLETE


class RunCutShort(GorillaCombError):
    """A run could not write its record to a drive; what is half done can be undone."""

    exit_code = ExitCode.INCOMPLETE


class OutputLost(GorillaCombError):
    """The reader of a command's output has gone."""

    exit_code = ExitCode.INCOMPLETE


class VaultError(GorillaCombError):
    """The vault cannot be used."""

    exit_code = ExitCode.VAULT


class VaultLocked(VaultError):
    """Another run is writing to the vault."""


class VaultDamaged(VaultError):
    """The index is not an intact SQLite database, or not one of ours."""


class VaultNewer(VaultError):
    """The index was written by a newer version than this one."""


class VaultForeign(VaultError):
    """The vault belongs to another user, or others may write to it."""


class VaultUnwritable(VaultError):
    """The vault's disk is full, read-only or failing."""


class VaultRolledBack(VaultError):
    """The trace is not the one that was anchored: truncated, rolled back, forked or edited."""


class KeyMissing(GorillaCombError):
    """A required key is missing, or cannot be decrypted."""

    exit_code = ExitCode.VAULT


class UntrustedInput(GorillaCombError):
    """A file from outside (manifest, checkpoint, proof, key) is not valid."""

    exit_code = ExitCode.USAGE


class RefusedForSafety(GorillaCombError):
    """Refused because it would not be safe."""

    exit_code = ExitCode.REFUSED


class Interrupted(GorillaCombError):
    """Stopped by Ctrl-C or SIGTERM; everything so far is kept."""

    exit_code = ExitCode.INTERRUPTED


def near_names(name: str, names: Iterable[str], most: int) -> list[str]:
    """Return at most ``most`` names that are similar to one that does not exist, for a hint.

    The most similar comes first.
    """
    import difflib  # only for an error: it would take a tenth of the run time of `--version`

    return difflib.get_close_matches(name, list(names), most)
