"""Families of copied folders as they are listed: how far apart the copies are, what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gorillacomb.api.server.findings import families_of
from gorillacomb.fs.paths import is_below, printable_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_from_json
from gorillacomb.vault.vault import Vault

__all__ = ["CopyDrift", "FamilyState", "ListedFamily", "list_families", "offline_root_ids"]


class FamilyState(StrEnum):
    """What there is to do about a family."""

    DECIDE = "decide"
    """A copy has files, or versions of files, that the one to keep lacks."""
    SAME = "same"
    """No copy has anything that the one to keep lacks."""
    OFFLINE = "offline"
    """The drive of a copy is not connected."""
    PROJECT = "project"
    """All copies are inside one project, as part of how it is built."""


@dataclass(frozen=True, slots=True)
class CopyDrift:
    """How far copies are from the one to keep, in files."""

    same: int
    """The same content, also under another name."""
    changed: int
    """Another content under the same name."""
    own: int
    """The user's files whose content the one to keep lacks."""
    missing: int
    """The user's files at paths at which only the one to keep has something."""

    @classmethod
    def of(cls, copies: Sequence[Any]) -> CopyDrift:
        """Return it for members of a family, as they are in its document."""
        return cls(
            sum(each["same"] + each["moved"] for each in copies),
            sum(each["changed"] for each in copies),
            sum(each["own"] for each in copies),
            sum(each["kept_more"] for each in copies),
        )

    @property
    def is_none(self) -> bool:
        """Whether the copies have nothing that the one to keep lacks."""
        return not self.changed and not self.own


@dataclass(frozen=True, slots=True)
class ListedFamily:
    """A family of copied folders, as it is listed."""

    document: dict[str, Any]
    """What ``folders --json`` says about it, and its id."""
    offline: frozenset[str]
    """The ids of roots whose drive is not connected."""

    @property
    def id(self) -> str:
        """The name under which the server knows it."""
        return str(self.document["id"])

    @property
    def keep(self) -> bytes:
        """The path of the folder to keep."""
        return path_from_json(self.document["keep"])

    @property
    def name(self) -> bytes:
        """The name of the folder to keep."""
        return os.path.basename(self.keep) or self.keep

    @property
    def places(self) -> int:
        """How many copies there are, the one to keep among them."""
        return 1 + len(self.document["others"])

    @property
    def paths(self) -> list[bytes]:
        """The paths of all copies, that of the one to keep first."""
        return [self.keep, *map(path_from_json, self.document["others"])]

    @property
    def drift(self) -> CopyDrift:
        """How far all copies together are from the one to keep."""
        return CopyDrift.of(self.document["others"])

    @property
    def copied_bytes(self) -> int:
        """Bytes of all copies but the one to keep; what is inside another copy counts once."""
        found, last = 0, None
        for each in sorted(self.document["others"], key=_as_folder):
            path = path_from_json(each)
            if last is None or not is_below(path, last):
                found, last = found + each["bytes"], path
        return found

    @property
    def state(self) -> FamilyState:
        """What there is to do about it."""
        roots = {self.document["root"], *(each["root"] for each in self.document["others"])}
        if self.document["structural"]:
            return FamilyState.PROJECT
        if roots & self.offline:
            return FamilyState.OFFLINE
        return FamilyState.SAME if self.drift.is_none else FamilyState.DECIDE


def _as_folder(document: Any) -> bytes:
    """Return a path as it sorts right before what is in it."""
    return path_from_json(document) + b"/"


def list_families(
    vault: Vault, document: Any, name: str = "", state: FamilyState | None = None
) -> list[ListedFamily]:
    """Return the families in the document of ``folders``: those of a name, in a state, or all.

    Raises VaultError.
    """
    found = _listed(document, offline_root_ids(vault))
    return [each for each in found if state in (None, each.state) and _is_named(each, name)]


def _listed(document: Any, offline: frozenset[str]) -> Iterator[ListedFamily]:
    for each in families_of(document):
        yield ListedFamily(each, offline)


def _is_named(family: ListedFamily, name: str) -> bool:
    wanted = name.casefold()
    return not wanted or any(wanted in printable_path(it).casefold() for it in family.paths)


def offline_root_ids(vault: Vault) -> frozenset[str]:
    """Return the ids of the roots whose drive is not connected. Raises VaultError."""
    with Index.read(vault) as index, translate_errors(vault):
        roots = all_roots(index.connection)
    return frozenset(root.uid for root in roots if not is_online(root))
