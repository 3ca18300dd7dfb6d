"""The chain of entries: numbers, names of the entry before, and the form of each."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.chain import FIRST_PREV, chain_entries, prev_of, read_chained

BODIES = st.lists(
    st.fixed_dictionaries({"event": st.text(), "path": st.text()}), min_size=1, max_size=5
)


@given(BODIES, st.integers(0, 1 << 40), st.integers(0, 1 << 62))
def test_each_entry_names_the_one_before_it(
    bodies: list[dict[str, Any]], seq: int, now: int
) -> None:
    prev = FIRST_PREV
    for number, (made, body) in enumerate(
        zip(chain_entries(bodies, seq, prev, now), bodies, strict=True), seq
    ):
        leaf, fields = read_chained(made.data, number)
        assert made == (number, made.data, leaf)
        assert fields == {**body, "v": 1, "seq": number, "prev": prev, "time_ns": str(now)}
        assert leaf == sha256(b"\0" + made.data).digest()
        prev = prev_of(made.data)
        assert prev == leaf.hex()


def test_the_first_entry_names_none() -> None:
    assert prev_of(None) == FIRST_PREV == "0" * 64


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 8},
        {"event": 1},
        {"prev": "00"},
        {"prev": None},
        {"prev": "zz" * 32},
    ],
)
def test_what_has_not_the_form_of_an_entry(change: dict[str, Any]) -> None:
    [made] = chain_entries([{"event": "stamp"}], 7, FIRST_PREV, 1)
    fields = {**jcs.parse_own(made.data), **change}
    assert read_chained(jcs.canonical_json(fields), 7)[1] is None


@pytest.mark.parametrize("stored", [None, "text", b"[]", b"", b'{"seq": 7}'])
def test_what_is_no_entry_at_all(stored: Any) -> None:
    assert read_chained(stored, 7)[1] is None


def test_an_entry_that_is_not_canonical() -> None:
    [made] = chain_entries([{"event": "stamp"}], 7, FIRST_PREV, 1)
    assert read_chained(made.data.replace(b",", b", "), 7)[1] is None
