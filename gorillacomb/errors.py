"""Every error that Gorilla Comb raises on purpose, each with the exit code of the command line.

An error says what happened, to which path, and what to do next: ``message`` is the first line that
a person reads, ``hint`` the second. Failures of single files are values (`model.Unreadable`), never
one of these.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """What every command ends with: scripts rely on these numbers, so they never change."""

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
        """Return the code of a check: what it found outranks what it could not look at."""
        if found:
            return cls.FOUND
        return cls.INCOMPLETE if incomplete else cls.DONE


class GorillaCombError(Exception):
    """The base of all of them. ``exit_code`` is what the command line ends with."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(GorillaCombError):
    """What was asked for cannot be: a path that is not there, a pattern that does not parse."""

    exit_code = ExitCode.USAGE


class RootVanished(GorillaCombError):
    """A drive is not there: never plugged in, or taken away while it was scanned."""

    exit_code = ExitCode.INCOMPLETE


class RunCutShort(GorillaCombError):
    """A drive did not take what a run had to write down; what is half done can be taken back."""

    exit_code = ExitCode.INCOMPLETE


class OutputLost(GorillaCombError):
    """Nobody reads any more what a command goes on to print."""

    exit_code = ExitCode.INCOMPLETE


class VaultError(GorillaCombError):
    """The vault cannot be used."""

    exit_code = ExitCode.VAULT


class VaultLocked(VaultError):
    """Another run writes to the vault."""


class VaultDamaged(VaultError):
    """The index is not a sound SQLite database, or not one of ours."""


class VaultNewer(VaultError):
    """The index was written by a newer version than this one."""


class VaultForeign(VaultError):
    """The vault belongs to another user, or others may write to it."""


class VaultUnwritable(VaultError):
    """The vault's disk is full, read-only or failing."""


class VaultRolledBack(VaultError):
    """The record is not the one that was anchored: cut short, put back, forked or edited."""


class KeyMissing(GorillaCombError):
    """A key that is needed is not there, or does not open."""

    exit_code = ExitCode.VAULT


class UntrustedInput(GorillaCombError):
    """A file from outside (manifest, checkpoint, proof, key) is not what it has to be."""

    exit_code = ExitCode.USAGE


class RefusedForSafety(GorillaCombError):
    """Not done because it would not be safe."""

    exit_code = ExitCode.REFUSED


class Interrupted(GorillaCombError):
    """Ctrl-C or SIGTERM: everything so far is kept."""

    exit_code = ExitCode.INTERRUPTED
