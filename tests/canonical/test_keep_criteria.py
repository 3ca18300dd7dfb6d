"""The canonical choice: deterministic, by the rules in their order, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.canonical.groups import hard_link_of
from gorillacomb.canonical.keep_criteria import BUILT_IN
from gorillacomb.classify.copy_names import copy_names_in, looks_like_copy
from gorillacomb.model import Root


@dataclass(frozen=True)
class AnyCopy:
    """A copy with any attributes."""

    path: bytes
    root_path: bytes = b"/Drive"
    volume: str = "v"
    inode: int = 0
    mtime_ns: int = 1_000
    project: bytes | None = None
    marker: str | None = None
    repository: bool = False
    nested: bool = False
    preferred: bool = False
    made: bool = False
    standing: int = 0
    company: int = 0
    touched: int = 0
    known_since: int = 0
    is_folder: bool = False
    own_project: int = 0
    inner_project: int = 2
    contents: int = 0
    root: Root | None = None

    @property
    def worked_on_ns(self) -> int:
        return self.mtime_ns

    @property
    def copy_names(self) -> tuple[bytes, ...]:
        return copy_names_in(self.path)


def copy(path: str, **more: object) -> AnyCopy:
    return replace(AnyCopy(path.encode()), **more)  # type: ignore[arg-type]


def winner(*copies: AnyCopy) -> str:
    return copies[BUILT_IN.choose_canonical(copies).winner].path.decode()


@pytest.mark.parametrize(
    "name",
    [
        "Copy of report.pdf",
        "report (1).pdf",
        "report - Copy.docx",
        "report copy.txt",
        "report copy 2.txt",
        "notes (conflicted copy 2023-04-01).txt",
        "New Folder With Items",
        "untitled folder",
        "Temp folder mac downloads",
        "Downloads",
        "INJ THE BENINGING_files",
        "HealthTrack-old",
        "Backup",
        "Backup 2022",
        "backup-2023-01-02",
        "Photos old 2019",
        ".Trash",
        "$RECYCLE.BIN",
        "x.bak",
        "x~",
    ],
)
def test_names_that_smell_of_a_copy(name: str) -> None:
    assert looks_like_copy(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "HealthTrack",
        "Templates",
        "copyright.txt",
        "Replit Apps",
        "temperature.csv",
        "src",
        "scopy.py",
        "Photocopy",
        "old_town.jpg",
        "backup_tools",
        "Old clock 2",
        "Gold 2022",
        "f(x).txt",
        "(1989) album",
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert not looks_like_copy(name.encode())


def test_the_rules_apply_in_their_order() -> None:
    """Each comes before the next by a rule that outweighs all for which the next is the better."""
    in_repository = {"project": b"/Drive/R", "marker": ".git", "repository": True}
    in_project = {"project": b"/Drive/P", "marker": "package.json"}
    order = [
        copy("/Drive/Backup/deep/down/x", made=True, preferred=True),
        copy("/Drive/deep/deep/down/x"),
        copy("/Drive/Temp/x", standing=1),
        copy("/Drive/R/Temp/a/b/x", **in_repository),
        copy("/Drive/P/Temp/a/b/x", company=9, **in_project),
        copy("/Drive/P/Temp/a/b/y", company=8, touched=7, **in_project),
        copy("/Drive/P/Temp/a/b/z", company=8, touched=6, **in_project),
        copy("/Drive/P/P/Temp/x", company=99, nested=True, **in_project),
        copy("/Drive/a/Temp/x", company=2, mtime_ns=9),
        copy("/Drive/b/Temp/x", company=1, mtime_ns=5),
        copy("/Drive/Temp/Temp/x", mtime_ns=1, standing=1),
        copy("/Drive/made/x", made=True, standing=1),
    ]
    left = list(reversed(order))
    ranked = []
    while left:
        ranked.append(left.pop(BUILT_IN.choose_canonical(left).winner))
    assert ranked == order


def test_the_parts_of_a_path_count_and_not_its_bytes() -> None:
    """A blank comes before a slash, but what is in Trip comes before what is in Trip 2."""
    assert winner(copy("/Drive/Trip 2/x"), copy("/Drive/Trip/x")) == "/Drive/Trip/x"
    assert winner(copy("/Drive/Trip 2"), copy("/Drive/Trip")) == "/Drive/Trip"


def test_times_of_files_tear_no_folder_apart() -> None:
    """They decide in one folder only: else the older files of one would stay, and of the other."""
    for times in ((1, 9), (9, 1)):
        first, second = (
            copy(f"/Drive/{at}/x", mtime_ns=ns) for at, ns in zip("ab", times, strict=True)
        )
        assert winner(second, first) == "/Drive/a/x"
    assert winner(copy("/Drive/a/x", mtime_ns=9), copy("/Drive/a/y", mtime_ns=1)) == "/Drive/a/y"


def test_where_a_root_begins_makes_no_difference() -> None:
    """Nor does it whether the two are in one root."""
    for roots in ((b"/d", b"/d"), (b"/d/Trip copy", b"/d/Trip"), (b"/d", b"/d/Trip")):
        first = copy("/d/Trip copy/x", root_path=roots[0])
        second = copy("/d/Trip/x", root_path=roots[1])
        assert winner(first, second) == "/d/Trip/x"


def test_the_name_of_the_root_is_no_reason_between_copies_in_it() -> None:
    inside = copy("/mnt/Backup/a/x", root_path=b"/mnt/Backup")
    other = copy("/mnt/Backup/Copy of a/x", root_path=b"/mnt/Backup")
    assert BUILT_IN.choose_canonical([other, inside]).winner == 1
    assert BUILT_IN.choose_canonical([other, inside]).reasons == (
        "its path has none of the names that copies get, such as 'Copy of a'",
    )


def test_reasons_name_what_decided() -> None:
    first = copy(
        "/Drive/HealthTrack/x", project=b"/Drive/HealthTrack", marker=".git", repository=True
    )
    second = copy("/Drive/x")
    assert BUILT_IN.choose_canonical([second, first]).reasons == (
        "inside the repository HealthTrack (.git)",
    )
    assert BUILT_IN.choose_canonical([second]).reasons == ("the only copy",)
    same = BUILT_IN.choose_canonical([copy("/Drive/b"), copy("/Drive/a")])
    assert same.reasons == ("first by name, all else being equal",)


_copies = st.lists(
    st.builds(
        lambda path, mtime, marker, preferred: copy(
            "/Drive/" + path,
            mtime_ns=mtime,
            project=b"/Drive/P" if marker else None,
            marker=marker,
            repository=marker == ".git",
            preferred=preferred,
        ),
        st.text("ab/ (1)", min_size=1, max_size=9),
        st.integers(0, 3),
        st.sampled_from([None, ".git", "package.json"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda each: each.path,
)


@given(copies=_copies, data=st.data())
def test_the_order_of_the_copies_never_matters(copies: list[AnyCopy], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(copies))
    first, second = BUILT_IN.choose_canonical(copies), BUILT_IN.choose_canonical(shuffled)
    assert copies[first.winner] == shuffled[second.winner]
    assert first.reasons == second.reasons


@given(copies=_copies)
def test_taking_a_loser_away_does_not_change_the_winner(copies: list[AnyCopy]) -> None:
    best = copies[BUILT_IN.choose_canonical(copies).winner]
    for place, each in enumerate(copies):
        if each != best:
            fewer = copies[:place] + copies[place + 1 :]
            assert fewer[BUILT_IN.choose_canonical(fewer).winner] == best


def test_hard_links_point_to_the_first_name_and_never_across_volumes() -> None:
    copies = [
        copy("/Drive/a", inode=7),
        copy("/Drive/b", inode=7),
        copy("/Drive/c", inode=7, volume="other"),
        copy("/Drive/d", inode=0),
        copy("/Drive/e", inode=0),
    ]
    assert hard_link_of(copies) == (None, 0, None, None, None)
