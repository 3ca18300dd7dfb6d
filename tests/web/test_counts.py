"""Files are counted as files on every page, also after one of them was put back alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.support.trees import Link, Tree, make_tree
from tests.web.test_decide_pages import apply, ended, fields, make, page, post, words
from tests.web.test_plain_words import served

COPY: Tree = {
    "sub": {"x": "x" * 9000, "deep": {"y": "y" * 9000}},
    "to sub": Link("sub"),
    "to x": Link("sub/x"),
    **{f"f{number}": f"{number}" * 9000 for number in range(4)},
}
FILES = 6


def test_what_is_left_after_one_file_went_back(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "drive", {"a": COPY, "Copy of a": COPY})
    with served(top) as server:
        done = ended(server, apply(server, make(server), count=str(FILES)))
        [place] = {str(it["href"]) for _, it in done.elements if "/runs/2" in str(it.get("href"))}
        assert f"{FILES} files" in words(page(server, place))
        form = {"form": fields(page(server, place), f"{place}/undo")["form"], "part": "yes"}
        back = post(server, f"{place}/undo", **form, path=str(top / "Copy of a/f1"))
        told = words(ended(server, back))
        left = FILES - 1
        assert "1 file is back" in told
        assert f"{left} files are still in the quarantine of that run" in told, told
        _check_everywhere(server, place, left)
        shown = words(page(server, place))
        assert "f1 " in shown and "0 B" not in shown
        size = (top / "Copy of a/f1").stat().st_blocks * 512 / 1000
        row = shown.partition(str(top / "Copy of a/f1"))[2]
        assert re.search(rf" 1{size:.1f} kB put back", row), row
        waiting = shown.partition(f"{top}/Copy of a ")[2]
        assert re.search(rf" {left}[0-9.]+ kB in the quarantine", waiting), waiting
        # A link is no file, wherever it is.
        link = ended(server, post(server, f"{place}/undo", **form, path=f"{top}/Copy of a/to x"))
        assert "1 folder or link came back" in words(link)
        assert os.path.islink(top / "Copy of a/to x")
        _check_everywhere(server, place, left)
        sub = ended(server, post(server, f"{place}/undo", **form, path=str(top / "Copy of a/sub")))
        assert "2 files are back" in words(sub)
        _check_everywhere(server, place, left - 2)


def _check_everywhere(server, place: str, left: int) -> None:  # type: ignore[no-untyped-def]
    many = f"{left} files"
    for path in (place, "/runs", f"/quarantine?run={place.rpartition('/')[2]}"):
        assert many in words(page(server, path)), path
    run = server.get(f"/api/v1{place}").json()
    assert run["waiting_files"] == left
