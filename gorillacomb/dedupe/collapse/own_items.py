"""What only one copy of a tree contains, and why a copy cannot leave."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from gorillacomb.classify.names import is_version_control
from gorillacomb.dedupe.model import Refusal, SafetyRule
from gorillacomb.fs.openat import OUR_FOLDER, os_error_text
from gorillacomb.fs.paths import join, join_relative, path_text

RESERVED_BYTES = re.compile(rb'[\0-\x1f<>:"|?*\\]')
_RESERVED = re.compile(rb"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)\d)(?: *\..*)?", re.DOTALL)


def is_reserved(name: bytes) -> bool:
    """Return whether Windows cannot have a file of this name.

    Microsoft, "Naming Files, Paths, and Namespaces".
    """
    return (
        RESERVED_BYTES.search(name) is not None
        or name.endswith((b" ", b"."))
        or is_device_name(name)
    )


def is_device_name(name: bytes) -> bool:
    """Return whether a name means a device on Windows, in any folder and with any ending."""
    return _RESERVED.fullmatch(name.lower().rstrip(b" ")) is not None


class OwnItem(NamedTuple):
    """Something that only one copy of the tree contains."""

    path: bytes
    """Relative to the copy."""
    key: tuple[bytes, bool] | None
    """What is equal for equal items: of a file its digest and executable bit, of a folder its
    digest; None if that is not known, or not enough."""
    files: int
    size: int
    """Bytes."""
    is_folder: bool
    longest: int = 0
    """Bytes of the longest path in a folder, relative to it."""
    reserved: bytes = b""
    """A name in a folder that Windows reserves, if there is one."""


class CannotLeave(Exception):
    """Why a copy of a tree cannot leave as a whole."""

    def __init__(self, rule: SafetyRule, path: bytes, cause: str) -> None:
        super().__init__(path, cause)
        text = f"{path_text(path)} {cause}" if path else cause
        self.refusal = Refusal(rule, text, path or None)


def everything_below(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield what is in a folder: relative path and stat. Raises CannotLeave."""
    waiting = [b""]
    while waiting:
        inner = waiting.pop()
        try:
            with os.scandir(join(top, inner) if inner else top) as listing:
                for entry in listing:
                    path = join_relative(inner, entry.name)
                    facts = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(facts.st_mode):
                        if entry.name == OUR_FOLDER or is_version_control(entry.name):
                            cause = "is in a folder that only this copy contains"
                            raise CannotLeave(SafetyRule.REPOSITORY, path, cause)
                        waiting.append(path)
                    yield path, facts
        except OSError as error:
            raise CannotLeave(SafetyRule.INCOMPLETE, inner, os_error_text(error)) from error
