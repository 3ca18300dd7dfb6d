"""Protect files whose names matter: dotfiles, which depend on their place, tiny files, and pointers
to documents in the cloud.

Such a file is removed only if one of the same name, ignoring marks of copies, is kept. A dotfile,
such as an ``.htaccess``, ``.env`` or ``.nomedia``, serves the folder that it is in; so it is
removed only if its name is that of a copy of the one beside it. From a retired folder it is removed
for any file of its name. A companion of another file, such as ``._IMG_1.jpg``, is removed with that
file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gorillacomb.classify.companions import counterpart
from gorillacomb.classify.copy_names import is_dotfile, meaning_of_name, plain_name
from gorillacomb.classify.names import CLOUD_POINTERS
from gorillacomb.classify.stores import is_catalog_file
from gorillacomb.dedupe.model import PlanOptions, Refusal, RemovalPair, SafetyRule
from gorillacomb.fs.paths import base_name, join, path_text, split_path

NAME_REFUSAL = Refusal(SafetyRule.NAME, "is what its name says, and the other copy is not")
_WORKS_HERE = Refusal(SafetyRule.NAME, "works by its name and its place, where it would be missed")
_POINTERS = (*CLOUD_POINTERS, b".webloc")
CompanionsOf = Callable[[bytes], Iterable[bytes]]
"""Returns the names of the files beside one, given by its path, that belong to it."""


def special_file_refusal(name: bytes) -> Refusal | None:
    """Return why a file of this name may not be removed, whatever else has its bytes."""
    if name.lower().endswith(_POINTERS):
        return Refusal(SafetyRule.POINTER, "only points to a document in the cloud")
    if is_catalog_file(name):
        return Refusal(SafetyRule.BUNDLE, "is a catalog that belongs to the folders beside it")
    return None


def cloud_pointer_refusal(name: bytes) -> Refusal | None:
    """Return why a folder with a file of this name in it may not be removed; None if it may."""
    if name.lower().endswith(CLOUD_POINTERS):
        cause = f"holds {path_text(name)}, which only points to a document in the cloud"
        return Refusal(SafetyRule.POINTER, cause)
    return None


def meaning(path: bytes, size: int, companions_of: CompanionsOf) -> bytes | None:
    """Return the part of a name, or path, that a file depends on; None if only content matters.

    Only files with the same meaning can replace each other.
    """
    folder, name = split_path(path)
    if is_dotfile(name) and all(map(is_dotfile, companions_of(path))):
        return join(folder, plain_name(name))
    return meaning_of_name(name, size)


def name_refusal(
    pairs: Sequence[RemovalPair],
    size_of: Callable[[bytes], int],
    companions_of: CompanionsOf,
    options: PlanOptions,
) -> tuple[bytes, Refusal] | None:
    """Return which of some files, removed from one folder together, must be kept, and why.

    ``size_of`` gives the size of a file by its path. Raises what that and ``companions_of`` raise.
    """
    wrong: list[tuple[RemovalPair, Refusal]] = []
    right: dict[bytes, RemovalPair] = {}
    for pair in pairs:
        size = size_of(pair.path)
        name, kept = base_name(pair.path), base_name(pair.keep)
        if options.retires(pair.path):
            is_copy = meaning_of_name(name, size) == meaning_of_name(kept, size)
        else:
            what = meaning(pair.path, size, companions_of)
            is_copy = what == meaning(pair.keep, size, companions_of) and what != pair.path
        if is_copy:
            right[name] = pair
        else:
            wrong.append((pair, _WORKS_HERE if is_dotfile(name) else NAME_REFUSAL))
    for pair, refusal in wrong:
        name, kept = base_name(pair.path), base_name(pair.keep)
        mains = (right[each] for each in companions_of(pair.path) if each in right)
        if not any(
            counterpart(name, base_name(main.path), base_name(main.keep)) == kept for main in mains
        ):
            return pair.path, refusal
    return None


def in_use_cause(sign: bytes) -> str:
    """Return why a file is kept that has a sign beside it that a program has it open."""
    return f"is open, or was not closed: {path_text(base_name(sign))} is beside it"
