"""Pages as single files: what they say, and that they contain and need nothing else."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from tests.support.run import run
from tests.support.trees import Tree, make_tree, scan
from tests.web.test_pages import Outline

_HOSTILE = "<script>alert(1)<b>\u202e&amp;\"'"
_WAYS = {"overview": (), "folders": (), "dedupe": ()}


@pytest.fixture
def hostile(tmp_path: Path, vault: Path) -> Path:
    copy: Tree = {f"{_HOSTILE}{n}": f"{n}" * (100 + n) for n in range(7)}
    odd: Tree = {b"odd\xff": "x" * 300, "again": "x" * 300}
    tree = make_tree(tmp_path / _HOSTILE, {"copy": copy, "copy <b>": copy, **odd})
    scan(vault, tree)
    return tree


@pytest.mark.parametrize("command", _WAYS)
def test_a_page_is_one_file(hostile: Path, vault: Path, tmp_path: Path, command: str) -> None:
    file = tmp_path / "page.html"
    ran = run(command, "--html", file, vault=vault)
    assert ran.code == 0 and f"Wrote {file}" in ran.err
    text = file.read_text("utf-8")
    page = Outline(text)
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "link", "img", "form", "iframe", "b", "nav"} & set(tags)
    assert tags.count("h1") == 1 and tags.count("style") == 1
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            is_inside = name == "href" and (value or "").startswith("#")
            assert name not in ("src", "href", "action") or is_inside, (tag, value)
            assert not name.startswith("on") and name != "style"
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text)
    assert "\u202e" not in text
    shown = " ".join(page.text.split())
    assert "<script>alert(1)<b>" in shown
    assert run(command, vault=vault).out == ran.out, "the text is as without it"
    assert stat.S_IMODE(file.stat().st_mode) & 0o022 == 0


def test_a_collapse_as_a_page(hostile: Path, vault: Path, tmp_path: Path) -> None:
    make_tree(hostile, {"copy": {"only here": "y" * 400}})
    scan(vault, hostile)
    file = tmp_path / "page.html"
    ran = run("dedupe", "--collapse", "all", "--html", file, vault=vault)
    assert ran.code == 0, ran.err
    assert "After that" in Outline(file.read_text()).text


def test_nothing_is_overwritten(hostile: Path, vault: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("mine")
    ran = run("overview", "--html", file, vault=vault)
    assert ran.code in (2, 5) and "there already" in ran.err
    assert file.read_text() == "mine"
    assert run("folders", "--empty", "--html", file, vault=vault).code == 2
    assert run("overview", "--html", tmp_path / "no/page.html", vault=vault).code == 2
