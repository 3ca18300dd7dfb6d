"""No name from outside ever leads to a place outside, whatever it is made of."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.drop.archive import Archive
from gorillacomb.drop.names import TakenNames, why_unsafe
from gorillacomb.errors import UntrustedInput
from tests.drop.zips import Entry, made

PARTS = st.sampled_from(
    [b"..", b".", b"", b"a", b"A", b"b", b"c:", b"\\", b"\0", b"con", b".gorillacomb", b"\xff"]
) | st.binary(max_size=6)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map(b"/".join)


@given(NAMES)
def test_a_safe_name_stays_where_it_belongs(name: bytes) -> None:
    if why_unsafe(name) is not None:
        return
    place = os.path.normpath(b"/root/Omnidrop/day/" + name)
    assert place == b"/root/Omnidrop/day/" + name
    assert b"\0" not in name and not os.path.isabs(name)


@given(st.lists(NAMES, max_size=8))
def test_taken_names_can_all_be_made(names: list[bytes]) -> None:
    """Also where case does not count."""
    taken = TakenNames()
    chosen = [each for each in names if why_unsafe(each) is None and taken.why_not(each) is None]
    lower = [os.fsencode(os.fsdecode(each).casefold()) for each in chosen]
    assert len(set(lower)) == len(lower)
    with tempfile.TemporaryDirectory() as top:
        for each in chosen:
            path = os.path.join(os.fsencode(top), each)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "xb"):
                pass


@given(st.lists(st.tuples(NAMES, st.sampled_from([0, 0x800])), max_size=6))
def test_no_member_ever_lands_outside(members: list[tuple[bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.zip")
        path.write_bytes(made(Entry(name, b"data", flags=flags) for name, flags in members))
        try:
            opened = Archive.open(os.fsencode(path), b"top")
        except UntrustedInput:
            return  # a name that claims to be UTF-8, and is not
        found = [each.name for each in opened.files]
        opened.close()
    for name in found:
        assert os.path.normpath(b"/r/" + name) == b"/r/" + name
        assert name.startswith(b"top/")
    folders = [each for each, _ in members if each.endswith(b"/")]
    assert len(found) + len(opened.left_out) >= len(members) - len(folders)
