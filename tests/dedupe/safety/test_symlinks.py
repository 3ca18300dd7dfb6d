"""Where links lead to, and through: as the system itself goes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from gorillacomb.dedupe.safety.symlinks import link_chain, links_equivalent

NAMES = ("a", "b", "d/a", "d/b", "d/e/a", "d/e/b")
TEXTS = st.lists(st.sampled_from(["..", ".", "a", "b", "d", "e"]), min_size=1, max_size=4)
ELSEWHERE = b"/no/such/place" + 4 * b"/far/down"
"""No ``..`` of a few leads from there to the root, where all ways meet."""
LINKS = st.dictionaries(st.sampled_from(NAMES), TEXTS.map("/".join), max_size=6)


def made(top: Path, links: dict[str, str]) -> None:
    (top / "d/e").mkdir(parents=True)
    for name in NAMES:
        if name in links:
            (top / name).symlink_to(links[name])
        else:
            (top / name).write_text("a file")


@given(LINKS)
@example({"a": "b", "b": "d/a", "d/a": "../d/e/../e/b"})
@example({"a": "d/e/../../b"})
def test_a_way_ends_where_the_system_goes_and_passes_links(links: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve()
        made(top, links)
        for each in links:
            link = bytes(top / each)
            if not os.path.exists(link):
                continue
            *way, end = link_chain(link)
            assert end == os.path.realpath(link)
            for step in way:  # without any one of them the link leads there no more
                os.rename(step, step + b".away")
                assert not os.path.exists(link)
                os.rename(step + b".away", step)


@given(LINKS)
@example({"a": "../../.."})
def test_a_link_leads_nowhere_where_the_system_finds_nothing(links: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve()
        made(top, links)
        for each, text in links.items():
            folder = bytes((top / each).parent)
            try:
                (top / each).stat()
                there = True
            except FileNotFoundError:
                there = False
            except OSError:
                continue  # in a circle, or through a file: the way there is told otherwise
            # Out of the folder and back again, so that it is not alike by what it says.
            out = f"{os.path.relpath(top.parent, folder.decode())}/{top.name}/{each}"
            out = f"{os.path.dirname(out)}/{text}"
            assert links_equivalent(out.encode(), folder, ELSEWHERE, 0) is not there


def test_where_a_link_led_from_a_folder_that_is_gone(tmp_path: Path) -> None:
    """What it went through and left again went with that folder: nobody can tell."""
    gone, other = bytes(tmp_path / "gone"), b"/no/such/place"
    (tmp_path / "x").write_text("meant")
    assert not links_equivalent(b"../x", gone, other, 0)
    assert links_equivalent(b"../y", gone, other, 0)
    assert not links_equivalent(b"in/../../x", gone, other, 0)
    assert not links_equivalent(b"in/../../y", gone, other, 0)
