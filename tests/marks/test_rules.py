"""What marks decide, by paths alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs.paths import is_below
from gorillacomb.marks.rules import Mark, MarkKind, MarkRules, MarkState, PlacedMark

PATHS = st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=4).map(
    lambda names: b"/" + b"/".join(names)
)
PLACED = st.builds(
    lambda path, kind, one, state: PlacedMark(
        Mark(0, kind, one, "r", path, False, "", None, 0), path, state
    ),
    PATHS,
    st.sampled_from(MarkKind),
    st.sampled_from(["1", "2"]),
    st.sampled_from(MarkState),
)


@given(st.lists(PLACED, max_size=6), PATHS, PATHS)
def test_what_is_refused_is_what_the_marks_say(
    marks: list[PlacedMark], path: bytes, keep: bytes
) -> None:
    rules = MarkRules(marks)
    force = [
        each for each in marks if each.mark.kind is MarkKind.KEEP or each.state is MarkState.CURRENT
    ]
    stays = [each.path for each in force if each.mark.kind is not MarkKind.NOT_DUPLICATES]
    protected = any(is_below(path, each) or is_below(each, path) for each in stays)
    apart = [
        (one.path, other.path)
        for one in force
        for other in force
        if {one.mark.kind, other.mark.kind} == {MarkKind.NOT_DUPLICATES}
        and one.mark.set == other.mark.set
        and one.path != other.path
    ]
    refusal = rules.refusal(path, keep)
    if protected:
        assert refusal is not None
        assert refusal.path in stays
    elif any(is_below(path, one) and is_below(keep, other) for one, other in apart):
        nested = any(is_below(one, other) for one, other in apart)
        assert refusal is not None or nested
    elif not apart:
        assert refusal is None
    assert (rules.refusal(path, None) is not None) == protected
    assert rules.keeps(path) == any(
        is_below(path, each.path) for each in force if each.mark.kind is MarkKind.KEEP
    )


def _marked(kind: MarkKind, *paths: bytes, one: str = "1") -> list[PlacedMark]:
    return [
        PlacedMark(Mark(0, kind, one, "r", path, True, "", None, 0), path, MarkState.CURRENT)
        for path in paths
    ]


def test_what_is_inside_two_different_things_is_not_compared() -> None:
    rules = MarkRules(_marked(MarkKind.NOT_DUPLICATES, b"/x/a", b"/x/b"))
    assert rules.refusal(b"/x/a/f", b"/x/b/f") is not None
    assert rules.refusal(b"/x/b", b"/x/a") is not None
    assert rules.refusal(b"/x/a/f", b"/x/a/g") is None
    assert rules.refusal(b"/x/a/f", b"/y/f") is None
    assert rules.settle([b"/x/a", b"/x/b"])
    assert not rules.settle([b"/x/a", b"/x/b", b"/y"])
    assert not rules.settle([b"/x/a/f", b"/x/a/g"])


def test_a_folder_is_not_removed_for_one_with_another_thing_in_its_place() -> None:
    rules = MarkRules(_marked(MarkKind.NOT_DUPLICATES, b"/x/sub", b"/y/sub"))
    assert rules.refusal(b"/x", b"/y") is not None
    assert rules.refusal(b"/x", b"/z") is None


def test_a_mark_that_no_longer_holds_decides_nothing() -> None:
    for kind in MarkKind:
        [mark] = _marked(kind, b"/x/a")
        rules = MarkRules([PlacedMark(mark.mark, mark.path, MarkState.CHANGED)])
        assert bool(rules) == (kind is MarkKind.KEEP)
