"""The chain of entries: numbers, names of the entry before, and the form of each."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.json_paths import path_to_json
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.chain import FIRST_PREV, chain_entries, prev_of, read_chained
from gorillacomb.vaultmesh.entries import StampEntry, stamp_entry

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


@given(
    st.binary(max_size=30) | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
    st.tuples(st.integers(0, jcs.MOST), st.integers(), st.integers(1, jcs.MOST)),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3).map(tuple),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 1 << 40),
)
def test_a_stamp_has_the_canonical_form(
    path: bytes, numbers: tuple[int, int, int], reasons: tuple[str, ...], digest: bytes, seq: int
) -> None:
    size, mtime, copies = numbers
    file = StampEntry("ab" * 16, path, size, mtime, digest, copies, reasons, 3)
    [made] = chain_entries([stamp_entry(5, file)], seq, FIRST_PREV, 17)
    fields: dict[str, Any] = {
        "v": 1,
        "seq": seq,
        "prev": FIRST_PREV,
        "time_ns": "17",
        "event": "stamp",
        "scan": 5,
        "root": "ab" * 16,
        **path_to_json(path),
        "size": size,
        "mtime_ns": str(mtime),
        "blake3": digest.hex(),
        "copies": copies,
        "reasons": list(reasons),
        "rules": 3,
    }
    assert made.data == rfc8785.dumps(fields)
    assert read_chained(made.data, seq) == (made.leaf, fields)


@pytest.mark.parametrize("size", [jcs.MOST + 1, 1 << 63])
def test_a_size_that_json_cannot_hold(size: int) -> None:
    file = StampEntry("ab" * 16, b"a", size, 1, bytes(32), 1, ("the only copy",), 3)
    with pytest.raises(ValueError):
        list(chain_entries([stamp_entry(5, file)], 7, FIRST_PREV, 1))


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
