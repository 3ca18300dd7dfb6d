"""Pages of groups: every order and filter gives the whole list, in parts of any size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.api.duplicates import FileGroup, find_duplicates
from gorillacomb.api.server import duplicates
from gorillacomb.api.server.duplicates import (
    ContentKind,
    GroupOrder,
    GroupPosition,
    GroupsAsked,
    read_groups_page,
)
from gorillacomb.vault.vault import Vault
from tests.support.trees import Tree, make_tree, scan

_ENDINGS = ("jpg", "txt", "bin", "JPG")


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Vault]:
    """Forty groups of two to five copies, of several sizes and kinds, in three folders."""
    folders: dict[str | bytes, dict[str | bytes, str]] = {"a": {}, "b": {}, "c": {}}
    for number in range(40):
        content = f"{number:03}" * (50 + 700 * (number % 7))
        for copy in range(2 + number % 4):
            folder = folders["abc"[(number + copy * (number % 3)) % 3]]
            folder[f"{number}-{copy}.{_ENDINGS[number % 4]}"] = content
    made: Tree = {**folders}
    top = make_tree(tmp_path_factory.mktemp("groups") / "drive", made)
    vault = tmp_path_factory.mktemp("vault") / "vault"
    scan(vault, top)
    return top, Vault(vault)


def _key(group: FileGroup, order: GroupOrder) -> tuple[int, int, bytes]:
    first, second = {
        GroupOrder.WASTE: (group.reclaimable, group.size * group.copies),
        GroupOrder.SIZE: (group.size, group.copies),
        GroupOrder.COPIES: (group.copies, group.size),
    }[order]
    return -first, -second, group.digest


@given(
    order=st.sampled_from(GroupOrder),
    kind=st.sampled_from([None, ContentKind.PICTURES, ContentKind.DOCUMENTS, ContentKind.VIDEO]),
    within=st.sampled_from([None, b"", b"a", b"c"]),
    least=st.sampled_from([0, 4096, 20_000, 1 << 30]),
    limit=st.integers(1, 45),
    looked_at=st.integers(1, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_are_the_whole_list(
    drive: tuple[Path, Vault],
    order: GroupOrder,
    kind: ContentKind | None,
    within: bytes | None,
    least: int,
    limit: int,
    looked_at: int,
) -> None:
    top, vault = drive
    folder = None if within is None else os.path.normpath(os.fsencode(top) + b"/" + within)
    endings = {ContentKind.PICTURES: (b".jpg", b".JPG"), ContentKind.DOCUMENTS: (b".txt",)}

    def is_asked(path: bytes) -> bool:
        is_inside = folder is None or path.startswith(folder + b"/")
        return is_inside and (kind is None or path.endswith(endings.get(kind, (b"?",))))

    wanted = [
        group
        for group in find_duplicates(vault)
        if group.reclaimable >= least and any(is_asked(file.path) for file in group.files)
    ]
    wanted.sort(key=lambda group: _key(group, order))
    found: list[FileGroup] = []
    after: GroupPosition | None = None
    asked = GroupsAsked(order, least, folder, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_MOST_LOOKED_AT", looked_at)
        patch.setattr(duplicates, "_AT_ONCE", 3)
        for _ in range(200):
            page = read_groups_page(vault, after, limit, asked)
            assert len(page.groups) <= limit
            found += page.groups
            if page.next is None:
                break
            assert page.next != after, "it goes on"
            after = page.next
    assert found == wanted
