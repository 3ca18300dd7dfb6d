"""The pages about the vault itself: overview, map, integrity, trace, manifests, settings, help."""

from __future__ import annotations

import html
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gorillacomb.vault.vault import config_folder
from gorillacomb.web.pages.treemap import HEIGHT, WIDTH, Box, lay_out, squarify
from tests.api.test_figures import age
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, scan
from tests.web.test_every_page import shown
from tests.web.test_pages import form_of, outline, submit


def text_of(server: Server, path: str) -> str:
    return " ".join(outline(shown(server, path)).text.split())


def test_the_figures_are_those_of_the_command_line(server: Server) -> None:
    found = run("overview", "--json", vault=server.vault).json()
    page = text_of(server, "/")
    assert f"{found['removable']['files']} files" in page
    assert f"All {found['family_count']} families" in page or found["family_count"] <= 8


def test_an_overview_of_before_is_shown_until_there_is_a_new_one(
    tmp_path: Path, vault: Path
) -> None:
    copies: Tree = {f"f{n}": f"{n}" * 9000 for n in range(5)}
    scan(vault, make_tree(tmp_path / "tree", {"a": copies, "b": copies}))
    with serving(vault) as server:
        before = text_of(server, "/")
        scan(vault, make_tree(tmp_path / "more", {"c": copies}))
        stale = " ".join(outline(server.get("/", {"Accept": "text/html"})).text.split())
        assert "the index has changed since" in stale
        assert text_of(server, "/") != before


def test_settings_are_changed_and_nothing_else_in_the_file(server: Server) -> None:
    file = config_folder() / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("# mine\nworkers = 2  # few\nexclude = ['*.tmp']\n")
    assert "*.tmp" in shown(server, "/settings").body.decode()
    seen = value_of(server, "seen")
    form = form_of(server, "/settings")
    sent = {"form": form, "seen": seen, "exclude": "*.bak\r\n\r\n*.tmp", "rules": "newest"}
    assert submit(server, "/settings", **sent).status == 303
    assert "# mine" in file.read_text() and "# few" in file.read_text()
    values = tomllib.loads(file.read_text())
    assert values == {"workers": 2, "exclude": ["*.bak", "*.tmp"], "rules": ["newest"]}
    again = submit(server, "/settings", **sent)
    assert again.status == 409 and "has changed" in outline(again).text
    wrong = {**sent, "seen": value_of(server, "seen"), "rules": "nonsense of a rule"}
    assert "Nothing was changed" in outline(submit(server, "/settings", **wrong)).text
    typo = {**wrong, "rules": "", "protect": "/nowhere/Privte"}
    refused = outline(submit(server, "/settings", **typo)).text
    assert "Nothing was changed" in refused and "Privte" in refused
    assert tomllib.loads(file.read_text()) == values
    check_the_form_stays(server, typo)
    assert tomllib.loads(file.read_text()) == values
    assert "Saved." in text_of(server, "/settings?saved=yes")
    file.unlink()


def check_the_form_stays(server: Server, sent: dict[str, str]) -> None:
    """A mistake is shown at its field and line, with all that was typed; then it is corrected."""
    more = {**sent, "exclude": "*.bak\r\n<i>", "protect": "*.raw\r\n\r\n/nowhere/Privte"}
    answer = submit(server, "/settings", **more)
    found = outline(answer)
    assert answer.status == 422 and "To the overview" not in found.text
    areas = {it["name"]: it for tag, it in found.elements if tag == "textarea"}
    assert [name for name, it in areas.items() if it.get("aria-invalid")] == ["protect"]
    told = areas["protect"]["aria-describedby"] or ""
    assert "protect-wrong" in told.split() and "Line 3: Nothing was changed: " in found.text
    assert "*.bak\n<i>" in found.text.replace("\r", "") and "/nowhere/Privte" in found.text
    assert not any(tag == "i" for tag, _ in found.elements)
    seen = [it["value"] for _, it in found.elements if it.get("name") == "seen"]
    assert seen == [sent["seen"]]
    rules = submit(server, "/settings", **{**sent, "protect": "", "rules": "newest\nnonsense"})
    assert "Line 2: Nothing was changed: " in outline(rules).text


def test_a_setting_that_stops_everything_leads_to_the_settings(tmp_path: Path, vault: Path) -> None:
    copies: Tree = {f"f{n}": f"{n}" * 9000 for n in range(3)}
    scan(vault, make_tree(tmp_path / "tree", {"a": copies, "b": copies}))
    file = config_folder() / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("protect = ['/nowhere/Privte']\n")
    try:
        with serving(vault) as server:
            stopped = shown(server, "/")
            assert stopped.status == 422
            assert 'class="button" href="/settings"' in stopped.body.decode()
    finally:
        file.unlink()


def test_a_setting_is_written_as_it_was_typed(server: Server, tmp_path: Path) -> None:
    """The file may be a link; what is not changed stays as it is written; names may be odd."""
    real = tmp_path / "dotfiles.toml"
    real.write_text('exclude = [\n  "*.tmp", # of an editor\n]\n')
    file = config_folder() / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(real)
    try:
        sent = {"form": form_of(server, "/settings"), "seen": value_of(server, "seen")}
        odd = "*/odd \u2028 "
        assert submit(server, "/settings", **sent, exclude="*.tmp", protect=odd).status == 303
        assert file.is_symlink() and "# of an editor" in real.read_text()
        assert tomllib.loads(real.read_text()) == {"exclude": ["*.tmp"], "protect": [odd]}
        real.write_text('protect = ["*/a\\nb"]\n')
        sent["seen"] = value_of(server, "seen")
        refused = submit(server, "/settings", **sent, exclude="*.tmp", protect="*/a\r\nb")
        assert refused.status == 422 and "several lines" in outline(refused).text
        assert real.read_text() == 'protect = ["*/a\\nb"]\n'
    finally:
        file.unlink()


def value_of(server: Server, name: str, path: str = "/settings") -> str:
    fields = outline(shown(server, path)).elements
    return next(it["value"] or "" for _, it in fields if it.get("name") == name)


def test_a_folder_is_scanned_named_and_forgotten(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x" * 9, "b": "x" * 9})
    with serving(vault) as server:
        form = form_of(server)
        place = submit(server, "/roots", form=form, path=str(tree)).headers["location"]
        shown(server, place)
        (root,) = run("roots", "--json", vault=vault).json()["roots"]
        assert root["path"] == str(tree) and root["files"] == 2
        named = {"form": form, "root": root["root"], "name": "Old laptop"}
        shown(server, submit(server, "/roots/name", **named).headers["location"])
        assert run("roots", "--json", vault=vault).json()["roots"][0]["name"] == "Old laptop"
        del named["name"]
        shown(server, submit(server, "/roots/forget", **named).headers["location"])
        assert run("roots", "--json", vault=vault).json()["roots"] == []
        assert (tree / "a").exists()


@pytest.mark.parametrize("path", ["relative", "", "/a\0b", "-x"])
def test_what_is_not_a_path_is_refused(server: Server, path: str) -> None:
    for action in ("/roots", "/manifests"):
        assert submit(server, action, form=form_of(server), path=path).status == 422


def test_a_manifest_is_made_and_checked(server: Server, tree: Path) -> None:
    form = form_of(server)
    made = submit(server, "/manifests", form=form, path=str(tree / "copy0"))
    shown(server, made.headers["location"])
    page = "/manifests"
    sent = {name: value_of(server, name, page) for name in ("manifest", "root")}
    checked = submit(server, "/manifests/verify", form=form, **sent)
    assert "done" in text_of(server, checked.headers["location"])
    wrong = submit(server, "/manifests/verify", form=form, **{**sent, "root": str(tree)})
    assert "done" not in text_of(server, wrong.headers["location"])


def test_checks_and_what_they_found(server: Server) -> None:
    form = form_of(server)
    for action in ("/scrub", "/trace/verify"):
        shown(server, submit(server, action, form=form).headers["location"])
    page = text_of(server, "/integrity")
    assert "No damage is known" in page and page.count("not from here") <= 1


def test_the_trace_in_pages(server: Server) -> None:
    size = server.get("/api/v1/trace").json()["size"]
    assert f"{size} entries" in text_of(server, "/trace")
    assert "Entry 1" in text_of(server, "/trace/1")
    assert shown(server, f"/trace/{size}").status == 404


def test_topics_are_found_and_lead_to_each_other(server: Server) -> None:
    page = outline(shown(server, "/docs?search=quarantine+journal"))
    links = [it["href"] for tag, it in page.elements if tag == "a"]
    assert any((link or "").startswith("/docs/") for link in links)
    topic = outline(shown(server, "/docs/internals/architecture"))
    inner = {it["href"] for tag, it in topic.elements if tag == "a"}
    assert all(".md" not in (link or "") for link in inner)
    assert shown(server, "/docs/nothing").status == 404
    assert shown(server, "/docs/../../app").status == 404


_SIZES = st.lists(st.integers(0, 1 << 50), min_size=1, max_size=40)


@given(sizes=_SIZES, rest=st.integers(0, 1 << 50))
@example(sizes=[1072554985892193, 947524321539818, 1 << 31, 4096, 16, 3, 3, 1], rest=0)
@example(sizes=[535190941857014, 1 << 24, 512, 3, 3, 3, 2, 1, 1], rest=0)
def test_areas_are_the_sizes(sizes: list[int], rest: int) -> None:
    """Each rectangle has its part of the area, is inside the box, and overlaps no other one."""
    sizes = sorted(filter(None, sizes), reverse=True)
    box = Box(10, 20, 300, 200)
    found = squarify(sizes, rest, box)
    total = sum(sizes) + rest
    for size, each in zip(sizes, found, strict=True):
        assert each.width * each.height == pytest.approx(60_000 * size / total, rel=1e-6, abs=1e-6)
        assert each.x >= 10 - 1e-6 and each.x + each.width <= 310 + 1e-6
        assert each.y >= 20 - 1e-6 and each.y + each.height <= 220 + 1e-6
    for at, one in enumerate(found):
        for other in found[:at]:
            wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert min(wide, high) < 1e-6


@given(data=st.data(), count=st.integers(1, 60))
def test_what_is_inside_is_drawn_inside(data: st.DataObject, count: int) -> None:
    parents = [
        None if n == 0 else data.draw(st.integers(0, n - 1) | st.none()) for n in range(count)
    ]
    own = data.draw(st.lists(st.integers(0, 1000), min_size=count, max_size=count))
    sizes = list(own)
    for item in range(count - 1, -1, -1):
        parent = parents[item]
        if parent is not None:
            sizes[parent] += sizes[item]
    tiles = {tile.item: tile for tile in lay_out(parents, sizes)}
    for item, tile in tiles.items():
        parent = parents[item]
        around = None if parent is None else tiles.get(parent)
        outer = Box(0, 0, WIDTH, HEIGHT) if around is None else around.box
        assert outer.x - 1e-6 <= tile.box.x and outer.y - 1e-6 <= tile.box.y
        assert tile.box.x + tile.box.width <= outer.x + outer.width + 1e-6
        assert tile.box.y + tile.box.height <= outer.y + outer.height + 1e-6


def test_the_overview_follows_each_change_at_once(tmp_path: Path, vault: Path) -> None:
    """Its figures stay in memory as long as the index is the same, and no longer."""
    copies: Tree = {f"f{n}": f"{n}" * 9000 for n in range(3)}
    top = make_tree(tmp_path / "tree", {"a": copies, "Copy of a": {**copies, "own": "o"}})
    plan = tmp_path / "plan.jsonl"
    changes = (
        (("scan", top), "Looked at 8 files"),
        (("scan", make_tree(tmp_path / "more", {"c": copies})), "11 files"),
        (("roots", "forget", tmp_path / "more"), "8 files"),
        (("mark", "keep", top / "a"), "8 files"),
        (("dedupe", "--plan", "-o", plan), "8 files"),
        (("dedupe", "--apply", plan), "in the quarantine, which can be put back"),
        (("dedupe", "--undo"), "8 files"),
    )
    scan(vault, top)
    (top / "new").write_text("n")
    with serving(vault) as server:
        entries = []
        for change, words in changes:
            age(vault)
            assert server.get("/").status == server.get("/").status == 200
            assert run(*change, vault=vault).code == 0, change
            text = " ".join(outline(server.get("/", {"Accept": "text/html"})).text.split())
            assert words in text, (change, text)
            status = server.get("/api/v1/status").json()
            assert status == run("status", "--json", vault=vault).json()
            entries.append(status["trace"]["entries"])
    assert entries == sorted(entries) and entries[3] > entries[2], "the mark is an entry"


@pytest.mark.parametrize(
    ("written", "line", "words"),
    [
        ("workers = 2\nexclude = ['*.tmp'\nprefer = []\n", 3, "Unclosed array"),
        ("# mine\n\nwrokers = 2\n", 3, "It has no setting 'wrokers'"),
        ("exclude = []\nworkers = 'two'\n", 2, "Workers must be a whole number"),
        ("exclude = []\nrules = [\n  'newest',\n  'nonsense',\n]\n", 4, "nonsense"),
        ("prefer = []\nmin-size = 'huge'\n", 2, "'huge' is not a size"),
    ],
)
def test_a_mistake_in_the_settings_is_shown_where_it_is(
    server: Server, written: str, line: int, words: str
) -> None:
    file = config_folder() / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(written)
    try:
        stopped = server.get("/", {"Accept": "text/html"})
        assert stopped.status == 422 and 'href="/settings"' in stopped.body.decode()
        answer = server.get("/settings", {"Accept": "text/html"})
        text = " ".join(outline(answer).text.split())
        assert answer.status == 200 and f"a mistake in line {line}." in text
        assert words in text and f"{line} → {written.splitlines()[line - 1].strip()}" in text
        assert f"Open {file} in a text editor, correct line {line}" in text
        [excerpt] = re.findall(r'<pre class="said">(.*?)</pre>', answer.body.decode(), re.DOTALL)
        plain = html.unescape(re.sub("<[^>]*>", "", excerpt)).splitlines()
        lines = dict(re.split(" → |   ", each, maxsplit=1) for each in plain)
        assert all(written.split("\n")[int(at) - 1] == it for at, it in lines.items()), lines
        assert len(lines) >= 3
        assert "Scan it" in text, "what does not depend on the file is still there"
        assert "Save" not in text
        file.write_text("")
        assert "For all places" in text_of(server, "/settings")
    finally:
        file.unlink()


def test_a_path_in_the_settings_that_names_nothing_is_shown(server: Server, tree: Path) -> None:
    file = config_folder() / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"prefer = ['{tree}']\nprotect = [\n  '*.raw',\n  '{tree}/Privte'\n]\n")
    try:
        text = text_of(server, "/settings")
        assert "does not exist" in text and "or line 4 of" in text and "Save" in text
    finally:
        file.unlink()


def test_settings_that_cannot_be_read_say_so(server: Server) -> None:
    file = config_folder() / "config.toml"
    file.mkdir(parents=True)
    try:
        answer = server.get("/settings", {"Accept": "text/html"})
        assert answer.status == 200 and "is a directory" in outline(answer).text.lower()
    finally:
        file.rmdir()
