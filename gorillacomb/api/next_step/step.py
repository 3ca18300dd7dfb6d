"""A command to run after a report, and how it is typed into a shell."""

from __future__ import annotations

import os
import shlex
import string
from dataclasses import dataclass

from gorillacomb.api.vault import find_vault
from gorillacomb.errors import GorillaCombError
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.vault.vault import Vault

_PLAIN = frozenset((string.ascii_letters + string.digits + "/._-").encode())
"""Bytes that mean themselves between ``$'`` and ``'``."""

Word = str | bytes | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class NextStep:
    """A command, and what it is for."""

    words: tuple[Word, ...]
    """Its arguments, not quoted; capitals stand for what the user has to choose."""
    purpose: str

    def command(self, vault: Vault) -> str:
        """Return it as typed into a shell; with the vault, if it is not the usual one."""
        words = ["gorillacomb", *(shell_word(_from_here(word)) for word in self.words)]
        if not _is_usual(vault):
            words += ["--vault", shell_word(vault.folder)]
        return " ".join(words)


NextSteps = tuple[NextStep, ...]


def _is_usual(vault: Vault) -> bool:
    """Return whether a vault is the one that is used unless another one is named."""
    try:
        return vault.folder == find_vault().folder
    except GorillaCombError:
        return False  # no home is known, in which it would be


def _from_here(word: Word) -> Word:
    """Return a path, which is given as bytes, relative to the current folder if it is in it."""
    if not isinstance(word, bytes) or not word.startswith(b"/"):
        return word
    try:
        here = os.getcwdb()
    except OSError:
        return word  # the current folder has been removed
    if word == here or here == b"/" or not is_below(word, here):
        return word
    relative = relative_path(word, here)
    return b"./" + relative if relative.startswith(b"-") else relative


def shell_word(word: Word) -> str:
    """Quote a word for a shell, with escapes that bash and zsh know for what cannot be printed."""
    path = os.fsencode(word)
    text = path.decode("utf-8", "replace")
    if text.isprintable() and text.encode() == path:
        return shlex.quote(text)
    letters = (chr(each) if each in _PLAIN else f"\\x{each:02x}" for each in path)
    return f"$'{''.join(letters)}'"


DEDUPE = NextStep(("dedupe",), "what could be removed; changes nothing")
DEDUPE_VERBOSE = NextStep(("dedupe", "--verbose"), "everything that is left alone, and why")
DUPES = NextStep(("dupes",), "every group of identical files, most wasteful first")
FOLDERS = NextStep(("folders",), "which folders are copies, and which one to keep")
HISTORY = NextStep(("dedupe", "--history"), "what runs did, and what can be put back")
STATUS = NextStep(("status",), "what is known, and what was not read")
SCAN_PATH = NextStep(("scan", "PATH"), "read a drive or a folder; changes nothing there")
