"""The user's own rules: in their order, among the built-in ones, one total order of all places."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.canonical.keep_criteria import (
    BUILT_IN,
    COPY_NAME,
    MADE,
    RULES,
    STANDING,
    KeepCriteria,
)
from gorillacomb.canonical.rule_effects import rule_effects
from gorillacomb.canonical.user_rules import keep_criteria
from gorillacomb.model import Root
from gorillacomb.vault.keep_rules import MEASURES, PLAIN_NAME, PREFER, parse_keep_rules
from tests.canonical.test_keep_criteria import AnyCopy, copy

ARCHIVE = Root(1, "a" * 32, 1, b"/Drive", "v", "ext4", False, b"", name="Archive")
LINES = [
    *MEASURES,
    *("not numbered", PREFER, PLAIN_NAME),
    *("in /Drive/a", "not in /Drive/a", "in */b/*", "on Archive", "not on Archive"),
    *("name *.jpg", "not name x*", "name-regex [0-9]", "path-regex ^/Drive/(a|b)/"),
]


def criteria(*lines: str) -> KeepCriteria:
    return keep_criteria(parse_keep_rules(lines))


def kept(copies: list[AnyCopy], *lines: str) -> str:
    return copies[criteria(*lines).choose(copies)[0]].path.decode()


def test_without_a_list_the_criteria_are_the_built_in_ones() -> None:
    assert criteria() is BUILT_IN
    assert BUILT_IN.rules == RULES


def test_the_list_keeps_its_order_and_safety_comes_before_what_compares_all() -> None:
    names = [rule.name for rule in criteria("in /Drive/a", "newest", "on Archive").rules]
    first = ["preferred", "in /Drive/a", "made", "copy name", "own project", "complete"]
    assert names[: names.index(STANDING.name)] == [*first, "newest", "on Archive"]
    built_in = [rule.name for rule in RULES]
    assert [name for name in names if name in built_in] == built_in


def test_what_a_name_says_of_a_copy_counts_where_the_user_puts_it() -> None:
    rules = criteria("newest", PLAIN_NAME, "first-path").rules
    newest = [rule.name for rule in rules].index("newest")
    assert rules.index(MADE) < newest < rules.index(COPY_NAME)
    assert sum(rule is COPY_NAME for rule in rules) == 1
    copies = [copy("/Drive/a (1).txt", mtime_ns=9), copy("/Drive/a.txt", mtime_ns=1)]
    assert kept(copies, "newest") == "/Drive/a.txt"
    assert kept(copies, "newest", PLAIN_NAME) == "/Drive/a (1).txt"


def test_places_that_the_user_names_come_before_names_of_copies() -> None:
    copies = [copy("/Drive/Backup/a.txt", root=ARCHIVE), copy("/Drive/x/a.txt")]
    assert kept(copies) == kept(copies, "newest") == "/Drive/x/a.txt"
    assert kept(copies, "on Archive") == kept(copies, "in /Drive/Backup") == "/Drive/Backup/a.txt"
    assert kept(copies, "on " + "a" * 32) == "/Drive/Backup/a.txt"


@pytest.mark.parametrize("marked", [False, True])
def test_a_mark_comes_before_any_list(marked: bool) -> None:
    copies = [copy("/Drive/a/x", mtime_ns=9), copy("/Drive/b/x", preferred=1 + marked)]
    for lines in (["in /Drive/a"], ["newest"], ["in /Drive/a", PREFER]):
        chosen = "/Drive/b/x" if marked or PREFER not in lines else "/Drive/a/x"
        assert kept(copies, *lines) == chosen


def test_what_was_chosen_before_yields_to_the_list() -> None:
    copies = [copy("/Drive/a/x", standing=1, known_since=0), copy("/Drive/b/x", known_since=1)]
    assert kept(copies) == "/Drive/a/x"
    assert kept(copies, "last-path") == "/Drive/b/x"
    assert kept(copies, "name *.jpg") == "/Drive/a/x"


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        ("first-path", ["/D/a b/x", "/D/a/x"][::-1]),
        ("first-path", ["/D/x2", "/D/x10", "/D/x010/a"]),
        ("first-name", ["/D/z/A2.txt", "/D/a/a10.txt", "/D/b/B.txt"]),
        ("shortest-path", ["/D/zz", "/D/a/x", "/D/a/xx"]),
        ("shortest-name", ["/D/long/x", "/D/a/xx"]),
        ("shallowest", ["/D/zzzzzz", "/D/a/x", "/D/a/b/c"]),
    ],
)
def test_order_and_its_opposite(rule: str, paths: list[str]) -> None:
    opposite = rule.replace("first", "last")
    opposite = opposite.replace("shortest", "longest").replace("shallowest", "deepest")
    for name, wanted in ((rule, paths), (opposite, paths[::-1])):
        copies = [copy(path) for path in sorted(paths, key=len)]
        order = criteria(name, PLAIN_NAME).order(copies)
        assert [copies[at].path.decode() for at in order] == wanted


_PLACES = st.lists(
    st.builds(
        lambda path, mtime, preferred, standing, root: AnyCopy(
            b"/Drive/" + os.fsencode(path),
            mtime_ns=mtime,
            preferred=preferred,
            standing=standing,
            root=ARCHIVE if root else None,
        ),
        st.text("abx1/.é \udc80", min_size=1, max_size=9).filter(lambda path: path[-1] != "/"),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 1),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.path,
)
_LISTS = st.lists(st.sampled_from(LINES), max_size=4, unique=True)


@given(places=_PLACES, lines=_LISTS, data=st.data())
def test_every_list_is_a_total_order(
    places: list[AnyCopy], lines: list[str], data: st.DataObject
) -> None:
    """Two places are in one order whatever third exists, and however they are given."""
    by = criteria(*lines)
    order = [places[at] for at in by.order(places)]
    shuffled = data.draw(st.permutations(places))
    assert [shuffled[at] for at in by.order(shuffled)] == order
    assert places[by.choose(places)[0]] == order[0]
    for first, second in itertools.combinations(order, 2):
        assert [by.order([second, first]), by.order([first, second])] == [[1, 0], [0, 1]]
        assert by.choose([second, first])[0] == 1


@given(places=_PLACES, lines=_LISTS)
def test_the_effects_of_the_rules_lead_to_the_choice(
    places: list[AnyCopy], lines: list[str]
) -> None:
    by = criteria(*lines)
    effects = rule_effects(by, places)
    if len(places) == 1:
        assert effects == ()
        return
    assert [each.name for each in effects] == [rule.name for rule in by.rules]
    assert [each.name for each in effects if each.is_own] == [
        {PREFER: "preferred", PLAIN_NAME: "copy name"}.get(name, name) for name in lines
    ]
    dropped = [path for each in effects for path in each.dropped]
    best = places[by.choose(places)[0]].path
    assert sorted([*dropped, best]) == sorted(each.path for each in places)
    assert effects[-1].left == 1
    assert all((each.reason is None) == (not each.dropped) for each in effects)
