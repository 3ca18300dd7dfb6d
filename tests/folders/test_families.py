"""Families are what their definition says, by a comparison of everything with everything."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb.folders.families import HUBS_FROM, find_families
from gorillacomb.folders.path_groups import group_by_path
from tests.folders.drives import (
    MADE,
    Drive,
    Family,
    Oracle,
    Path,
    as_index,
    connected,
    folders_of,
    path_of,
    random_drive,
    renamed,
)


def families_of(drive: Drive, random: Random, hubs_from: int = HUBS_FROM) -> set[Family]:
    found = find_families(group_by_path(*as_index(drive, random)), hubs_from=hubs_from)
    families = [Family(map(path_of, family)) for family in found.families]
    assert sum(map(len, families)) == len(frozenset().union(*families))
    return set(families)


def check(seed: int) -> None:
    random = Random(seed)
    drive = random_drive(random)
    families = families_of(drive, random)
    oracle = Oracle(drive, families)
    copies = list(oracle.copies())
    for a, b in copies:
        assert oracle.family.get(a, a) == oracle.family.get(b, b) or oracle.is_implied(a, b), (a, b)
    told = connected(pair for pair in copies if not oracle.is_implied(*pair))
    if told != families:
        check_self_implied(drive, copies, told, families)
    check_members(oracle)
    for few in (1, 2, 4):
        assert families_of(drive, random, few) == families
    names = sorted({name for _, inner in folders_of(drive) for name in inner} - {MADE})
    new = dict(zip(names, random.sample(names, len(names)), strict=True)) | {MADE: MADE}
    there = families_of(renamed(drive, new, random), random)
    assert there == {
        Family(tuple(new[name] for name in member) for member in family) for family in families
    }


def check_self_implied(
    drive: Drive, copies: list[tuple[Path, Path]], told: set[Family], families: set[Family]
) -> None:
    """A tree copied into itself may imply what makes it a family: then that counts, too."""
    assert all(any(part <= family for family in families) for part in told)
    apart = Oracle(drive, told)
    again = [
        (a, b)
        for a, b in copies
        if apart.family.get(a, a) != apart.family.get(b, b) and not apart.is_implied(a, b)
    ]
    assert again
    if connected([*again, *members_of(told)]) != families:
        check_in_turns(drive, copies, told, families)


def check_in_turns(
    drive: Drive, copies: list[tuple[Path, Path]], told: set[Family], families: set[Family]
) -> None:
    """Several levels of that may imply now these families, now those: then what one of them has."""
    states = [told]
    while (found := not_implied(drive, copies, states[-1])) not in states:
        states.append(found)
    turns = states[states.index(found) :]
    assert len(turns) > 1
    joined = connected(pair for state in turns for pair in members_of(state))
    assert all(any(family <= whole for whole in joined) for family in families)


def not_implied(
    drive: Drive, copies: list[tuple[Path, Path]], families: set[Family]
) -> set[Family]:
    """The families of the copies that some families do not imply."""
    oracle = Oracle(drive, families)
    return connected(pair for pair in copies if not oracle.is_implied(*pair))


def members_of(families: set[Family]) -> list[tuple[Path, Path]]:
    return [(min(family), each) for family in families for each in family]


def check_members(oracle: Oracle) -> None:
    """No folder is a member because of one subfolder alone, or of another member inside it."""
    for family in oracle.families:
        for member in family:
            inside = {each for each in family - {member} if each[: len(member)] == member}
            assert any(
                oracle.votes(member, other) > most_in_one_child(oracle, member, other)
                or (member[-1:] == other[-1:] and has_inside(oracle, member, other))
                for other in family - {member}
            )
            assert any(
                other in inside or oracle.votes(member, other, inside)
                for other in family - {member}
            )


def has_inside(oracle: Oracle, a: Path, b: Path) -> bool:
    """Whether a copy of one is inside the other: the tree was copied into itself."""
    return bool(oracle.inside(a, b) or oracle.inside(b, a))


def most_in_one_child(oracle: Oracle, a: Path, b: Path) -> int:
    both = children(oracle, a) & children(oracle, b)
    return max((oracle.votes((*a, name), (*b, name)) for name in both), default=0)


def children(oracle: Oracle, folder: Path) -> set[bytes]:
    return {path[-1] for path in oracle.files if path and path[:-1] == folder}


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_families_of_any_drive(seed: int) -> None:
    check(seed)


@pytest.mark.deep
def test_families_of_ten_thousand_drives() -> None:
    for seed in range(10_000):
        check(seed)
