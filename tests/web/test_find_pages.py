"""The pages on which people look at their duplicates, without scripts: links and forms."""

from __future__ import annotations

import base64
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from gorillacomb.api.server.families import ListedFamily
from gorillacomb.json_paths import path_from_json
from tests.benchmarks.rows import make_rows
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Answer, Server, serving
from tests.support.trees import Tree, make_tree, scan
from tests.web.test_pages import FORM, PAGE, Outline, form_of, outline

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE: Tree = {
    "<script>alert(1)<": "s" * 300,
    "quotes\"'&amp;": "q" * 300,
    "bidi\u202egnp.exe": "b" * 300,
    b"raw\xff\xfe": "r" * 300,
    " blank ": "_" * 300,
    "new\nline": "n" * 300,
    "<img src=x>.png": PIXEL,
}
"""Names that a careless page would run, or show as others."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family that drifted, many copies, a picture, a text, a key; hostile names in all of it."""
    shared: Tree = {f"f{n}.txt": f"content {n}\n" * 40 for n in range(9)}
    many: Tree = {f"copy{n:03}.dat": "so many" * 9 for n in range(260)}
    made: Tree = {
        "Trip": {**shared, **HOSTILE, "notes.txt": "the notes\n" * 9, "view.png": PIXEL + b"1"},
        "Backup": {
            b'Trip "<b>\xff': {
                **shared,
                **HOSTILE,
                "notes.txt": "older notes\n" * 9,
                "view.png": PIXEL + b"2",
                "only.txt": "only in the copy",
            }
        },
        "many": many,
        "alone": {f"u{n:03}": f"alone {n}" * 9 for n in range(120)},
        "keys": {"id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\nmine\n", "empty": ""},
    }
    return make_tree(tmp_path_factory.mktemp("find") / "drive", made)


def asked(place: Path | bytes | str, name: str = "path") -> str:
    """A path as the query of an address."""
    path = os.fsencode(place)
    try:
        return urlencode({name: path.decode("utf-8")})
    except UnicodeDecodeError:
        return urlencode({f"{name}_b64": base64.b64encode(path)})


def answered(server: Server, path: str, headers: Mapping[str, str] = PAGE) -> Answer:
    """What is at an address when its job, if it waits for one, has ended."""
    for _ in range(2000):
        answer = server.get(path, headers)
        if answer.status != 202:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{path} waits for ever")


def shown(server: Server, path: str) -> Outline:
    """A page, with its answer if it waits for one."""
    answer = answered(server, path)
    assert answer.status == 200, (path, answer.body.decode())
    return outline(answer)


def headline(server: Server, path: str) -> str:
    answer = server.get(path, PAGE)
    found = re.search(rb"<h1>(.*?)</h1>", answer.body, re.S)
    assert found is not None
    return Outline(found[1].decode()).text


def links(page: Outline, begin: str) -> list[str]:
    """Where a page leads to, of what begins like this."""
    found = (it.get("href") or "" for tag, it in page.elements if tag == "a")
    return [each for each in found if each.startswith(begin)]


def values(page: Outline, *names: str) -> dict[str, list[str]]:
    """The values of the fields of a page's forms, by name."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for tag, it in page.elements:
        if tag in ("input", "button") and it.get("name") in found:
            found[str(it["name"])].append(it.get("value") or "")
    return found


def marks(server: Server) -> dict[bytes, str]:
    listed = run("mark", "list", "--json", vault=server.vault).json()["marks"]
    return {path_from_json(each): each["mark"] for each in listed}


def send_mark(server: Server, page: str, kind: str, *fields: tuple[str, str]) -> Answer:
    """Send the form that marks, as a page has it, and wait for its job; return the last answer."""
    on_page = values(shown(server, page), "form", "seen")
    usual = [(name, on_page[name][-1]) for name in ("form", "seen")]
    sent = [*usual, ("kind", kind), ("back", page), *fields]
    answer = server.post("/marks", urlencode(sent).encode(), FORM)
    if answer.status == 303:
        answer = answered(server, answer.headers["location"])
    return answer


def post_mark(server: Server, fields: dict[str, str]) -> Answer:
    return server.post("/marks", urlencode(fields).encode(), FORM)


def family_of(server: Server) -> str:
    (found,) = set(links(shown(server, "/families"), "/families/"))
    return found


@pytest.fixture
def drive(tree: Path) -> Iterator[Server]:
    """A server of its own, whose marks are not those of other tests."""
    with in_memory() as folder:
        assert run("scan", tree, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def pages(server: Server, tree: Path) -> list[str]:
    """Every page of this part, also those of things with hostile names."""
    copy = os.fsencode(tree) + b'/Backup/Trip "<b>\xff'
    digest = run("explain", "--json", tree / "many/copy000.dat", vault=server.vault).json()
    inside = [os.path.join(os.fsencode(copy), os.fsencode(name)) for name in HOSTILE]
    return [
        *("/families", family_of(server), "/groups", f"/groups/{digest['blake3']}", "/marks"),
        *("/tree", "/explain", "/unique", "/compare", "/groups?kind=pictures&sort=copies"),
        *(f"/{page}?{asked(folder)}" for page in ("tree", "unique", "explain") for folder in
          (tree, tree / "Trip", copy)),
        f"/compare?{asked(tree / 'Trip', 'a')}&{asked(copy, 'b')}",
        f"/groups?{asked(copy, 'within')}",
        *(f"/explain?{asked(path)}" for path in inside),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def everything(running: Server, tree: Path) -> dict[str, Outline]:
    """Every page, by its address."""
    return {path: shown(running, path) for path in pages(running, tree)}


def test_names_are_data_on_every_page(
    server: Server, tree: Path, everything: dict[str, Outline]
) -> None:
    for path, page in everything.items():
        ours = [it.get("src") for tag, it in page.elements if tag == "script"]
        assert set(ours) <= {"/static/page.js", "/static/lists.js"}, path
        assert "b" not in [tag for tag, _ in page.elements]
        assert "\u202e" not in page.text, (path, "it would turn the text around")
        for tag, it in page.elements:
            assert tag != "img" or str(it["src"]).startswith("/api/v1/preview?"), path
            for name, value in it.items():
                assert not name.startswith("on") and name != "style", (path, tag, name)
                if name in ("src", "href", "action"):
                    assert value is not None and value.startswith("/") and value[1:2] != "/"
                assert "\u202e" not in (value or "") or name == "value", (path, tag, name)
    copy = os.fsencode(tree) + b'/Backup/Trip "<b>\xff'
    text = shown(server, f"/tree?{asked(copy)}").text
    assert "<script>alert(1)<" in text and "raw\\xff\\xfe" in text and "bidi\\u202e" in text


def test_every_link_of_ours_leads_somewhere(server: Server, everything: dict[str, Outline]) -> None:
    """Links of these pages, to these pages: a name that is not text survives being clicked."""
    ours = ("/families", "/groups", "/explain", "/tree", "/unique", "/compare", "/marks")
    found = {it for page in everything.values() for it in links(page, "/")} - set(everything)
    checked = sorted(it for it in found if it.startswith(ours) and ".json" not in it)
    assert len(checked) > 50
    for path in checked[:: max(1, len(checked) // 60)]:
        assert server.get(path, PAGE).status in (200, 202, 303), path


def test_each_page_is_there_as_json(server: Server, everything: dict[str, Outline]) -> None:
    checked = 0
    for path, page in everything.items():
        for twin in links(page, "/"):
            if ".json" in twin:
                answer = server.get(twin)
                assert answer.status == 307, twin
                there = answer.headers["location"]
                assert answered(server, there, {}).status == 200, (path, there)
                checked += 1
    assert checked > 20


def test_families(server: Server, tree: Path) -> None:
    assert "1 family needs a decision" in shown(server, "/families").text
    (wanted,) = run("folders", "--json", vault=server.vault).json()["families"]
    page = shown(server, family_of(server))
    assert "Trip is in two places." in page.text
    for reason in wanted["reasons"]:
        assert reason in page.text
    (copy,) = wanted["others"]
    assert copy["own"] == 1 and copy["said"] in page.text
    assert values(page, "collapse") == {"collapse": [wanted["keep"]["path"]]}
    (compare,) = links(page, "/compare?")
    asked_for = dict(parse_qsl(urlsplit(compare).query))
    assert base64.b64decode(asked_for["a_b64"]) == path_from_json(copy)
    two = server.get(f"{family_of(server)}/compare?a=1&b=0")
    assert two.status == 303 and two.headers["location"] == compare
    assert server.get(f"{family_of(server)}/compare?a=1&b=2", PAGE).status == 404
    assert server.get(f"/families/{'0' * 32}", PAGE).status == 404
    for query, is_there in (
        ("name=trip", True),
        ("name=tr%69p&state=decide", True),
        ("name=nothing", False),
        ("state=same", False),
        ("name=&state=", True),
    ):
        found = links(shown(server, f"/families?{query}"), "/families/")
        assert bool(found) is is_there, query
    assert server.get("/families?state=odd", PAGE).status == 422


def test_a_family_that_is_meant_to_be_there(drive: Server, tree: Path) -> None:
    page = shown(drive, family_of(drive))
    fields = values(page, "path", "path_b64")
    sent = [(name, value) for name, given in fields.items() for value in given]
    assert len(sent) == 2
    answer = send_mark(drive, family_of(drive), "intended", *sent)
    assert (answer.status, set(marks(drive).values())) == (303, {"intended"})
    assert run("folders", "--json", vault=drive.vault).json()["families"] == []
    assert "No folder was copied as a whole" in shown(drive, "/families").text
    page = shown(drive, "/marks")
    assert "2 marks" in page.text
    path = str(tree / "Trip")
    assert send_mark(drive, "/marks", "clear", ("path", path)).status == 303
    assert marks(drive) == {} and "Nothing is marked yet" in shown(drive, "/marks").text


def test_comparing(server: Server, tree: Path) -> None:
    copy = os.fsencode(tree) + b'/Backup/Trip "<b>\xff'
    both = f"{asked(tree / 'Trip', 'a')}&{asked(copy, 'b')}"
    page = shown(server, f"/compare?{both}")
    wanted = run("compare", tree / "Trip", copy, "--json", vault=server.vault).json()
    assert "3 files differ" in page.text and f"{wanted['same']} are the same" in page.text
    order = [page.text.index(name) for name in ("notes.txt", "view.png", "only.txt")]
    assert order == sorted(order), "what changed comes first"
    pictures = [str(it["src"]) for tag, it in page.elements if tag == "img"]
    assert len(pictures) == 2
    for picture in pictures:
        assert server.get(picture).headers["content-type"] == "image/png"
    part = shown(server, f"/compare?{both}&show=only-b").text
    assert "only.txt" in part and "notes.txt" not in part
    first = shown(server, f"/compare?{both}&limit=2")
    (following,) = [it for it in links(first, "/compare") if "after=2" in it]
    assert "only.txt" not in first.text and "only.txt" in shown(server, following).text
    same = shown(server, f"/compare?{asked(tree, 'a')}&{asked(tree, 'b')}").text
    assert "The two folders are the same." in same
    for query in ("", "?a=%2Fx", "?a=x&b=y", "?a=/nothing-here&b=/nothing-there"):
        answer = answered(server, f"/compare{query}")
        assert answer.status == (200 if "b=" not in query else 404 if "/" in query else 422), query
        assert values(outline(answer), "a", "b")["a"], "the form is there again"


def test_groups_in_pages(server: Server) -> None:
    everything = run("dupes", "--json", vault=server.vault).json()["groups"]
    found: list[str] = []
    place: str | None = "/groups?limit=3"
    while place is not None:
        page = shown(server, place)
        found += [it.removeprefix("/groups/") for it in _heads(page)]
        place = next((it for it in links(page, "/groups?") if "after=" in it), None)
    assert found == [group["blake3"] for group in everything] and len(found) == 17


def _heads(page: Outline) -> list[str]:
    found = links(page, "/groups/")
    return [it for number, it in enumerate(found) if it != found[number - 1] or not number]


def test_groups_that_are_asked_for(server: Server, tree: Path) -> None:
    pictures = shown(server, "/groups?kind=pictures&min_reclaimable=&within=")
    assert len(_heads(pictures)) == 1
    assert [it for tag, it in pictures.elements if tag == "img" and it["loading"] == "lazy"]
    inside = shown(server, f"/groups?{asked(tree / 'many', 'within')}")
    assert "260 copies of 63 B" in inside.text and len(_heads(inside)) == 1
    (first, *_) = _heads(shown(server, "/groups?sort=copies"))
    assert first in _heads(inside)
    assert "No group is like that" in shown(server, "/groups?min_reclaimable=100000000").text
    assert "and 255 more" in inside.text
    for query, status in (
        (f"within={quote(str(tree / 'Trip/notes.txt'))}", 404),
        ("within=/nothing", 404),
        ("within=x", 422),
        ("after=x", 422),
    ):
        answer = server.get(f"/groups?{query}", PAGE)
        assert answer.status == status and values(outline(answer), "within")["within"], query


def test_one_group(server: Server, tree: Path) -> None:
    wanted = run("explain", "--json", tree / "many/copy000.dat", vault=server.vault).json()
    place = f"/groups/{wanted['blake3']}"
    page = shown(server, f"{place}?limit=200")
    assert "copy000.dat is there 260 times." in page.text
    assert len(values(page, "path")["path"]) == 200
    (following,) = [it for it in links(page, place) if "after=200" in it]
    assert len(values(shown(server, following), "path")["path"]) == 60
    for reason in wanted["reasons"]:
        assert reason in page.text
    assert server.get(f"/groups/{'0' * 64}", PAGE).status == 404


def test_lists_stay_light(drive: Server, tmp_path: Path) -> None:
    more: Tree = {
        f"g{n}": {f"<b>{copy}": f"group {n} " * 30 for copy in range(9)} for n in range(70)
    }
    scan(drive.vault, make_tree(tmp_path / "more", more))
    digest = run("explain", "--json", tmp_path / "more/g1/<b>1", vault=drive.vault).json()
    for path in ("/groups?limit=50", f"/groups/{digest['blake3']}?limit=200"):
        assert len(shown(drive, path).elements) < 5000
    assert drive.get("/groups?limit=51", PAGE).status == 422


def test_marking_files_of_a_group(drive: Server, tree: Path) -> None:
    raw = os.fsencode(tree) + b"/Trip/raw\xff\xfe"
    named = run("explain", "--json", raw, vault=drive.vault).json()
    place = f"/groups/{named['blake3']}"
    boxes = values(shown(drive, place), "path_b64")["path_b64"]
    ticked = next(it for it in boxes if base64.b64decode(it) == raw)
    answer = send_mark(drive, f"{place}?limit=7", "keep", ("path_b64", ticked))
    assert (answer.status, answer.headers["location"]) == (303, f"{place}?limit=7")
    assert marks(drive) == {raw: "keep"}
    assert "marked to be kept" in shown(drive, place).text
    assert "marked to be kept" in shown(drive, f"/explain?{asked(raw)}").text
    same = ("blake3", named["blake3"])
    nothing = send_mark(drive, place, "keep", same)
    assert nothing.status == 422 and "Nothing is ticked" in outline(nothing).text
    assert send_mark(drive, place, "clear", same).status == 303 and marks(drive) == {}
    assert send_mark(drive, place, "not-duplicates", same).status == 303
    assert set(marks(drive).values()) == {"not-duplicates"} and len(marks(drive)) == 2
    dupes = run("dupes", "--json", vault=drive.vault).json()["groups"]
    assert named["blake3"] not in [each["blake3"] for each in dupes]


def test_a_mark_that_is_refused_says_why(drive: Server, tree: Path) -> None:
    alone = str(tree / "alone/u001")
    answer = send_mark(drive, "/groups", "not-duplicates", ("path", alone))
    assert answer.status == 200 and marks(drive) == {}
    page = outline(answer)
    assert "It was not marked." in page.text and "One path alone" in page.text
    assert "/groups" in links(page, "/groups")


def test_a_mark_needs_what_was_seen(drive: Server, tree: Path) -> None:
    page = values(shown(drive, "/groups"), "form", "seen")
    sent = {"form": page["form"][-1], "seen": page["seen"][-1], "kind": "keep", "back": "/groups"}
    path = str(tree / "Trip/notes.txt")
    assert run("mark", "keep", tree / "alone", vault=drive.vault).code == 0
    stale = post_mark(drive, {**sent, "path": path})
    assert stale.status == 412 and "since this page was made" in outline(stale).text
    fresh = {**sent, "seen": values(shown(drive, "/groups"), "seen")["seen"][-1], "path": path}
    for wrong in (
        {"back": "//evil.example/"},
        {"back": "https://evil.example/"},
        {"back": "/\\evil.example"},
        {"back": "/\t/evil.example"},
        {"kind": "purge"},
        {"path": "relative"},
        {"path": "/a\0b"},
        {"path": "", "path_b64": "!"},
        {"form": "x" * 64},
        {"form": ""},
        {"seen": ""},
        {"blake3": "x"},
    ):
        assert post_mark(drive, fresh | wrong).status in (403, 412, 422), wrong
    other = {"Sec-Fetch-Site": "same-site", **FORM}
    assert drive.post("/marks", urlencode(fresh).encode(), other).status == 403
    assert marks(drive) == {os.fsencode(tree / "alone"): "keep"}
    assert drive.get("/marks?job=x&back=/groups", PAGE).status == 404
    assert drive.get("/marks?back=//evil.example", PAGE).status == 422


def test_under_a_shared_name_no_content_is_on_pages(drive: Server, tree: Path) -> None:
    """A program on another port gets the cookie, and can load pages with it."""
    shared: dict[str, str | None] = {**FORM, "Host": f"localhost:{drive.port}"}
    sent = {**shared, "Cookie": None, "Content-Type": "application/json"}
    login = drive.post("/api/v1/session", {"token": drive.token()}, sent)
    shared["Cookie"] = login.headers["set-cookie"].partition(";")[0]
    text = f"/explain?{asked(tree / 'Trip/notes.txt')}"
    picture = f"/explain?{asked(tree / 'Trip/view.png')}"
    assert "the notes" in shown(drive, text).text
    page = outline(drive.get(text, shared))
    assert "the notes" not in page.text and "notes.txt" in page.text
    for path in (picture, "/groups?kind=pictures"):
        assert not [tag for tag, _ in outline(drive.get(path, shared)).elements if tag == "img"]
    fields = values(outline(drive.get("/groups", shared)), "form", "seen")
    usual = {"form": fields["form"][-1], "seen": fields["seen"][-1], "kind": "keep"}
    body = urlencode({**usual, "path": str(tree)}).encode()
    assert drive.post("/marks", body, shared).status == 403
    right = {**shared, "X-GorillaComb-Secret": login.json()["secret"]}
    assert drive.post("/marks", body, right).status == 303


def test_explaining(server: Server, tree: Path) -> None:
    picture = shown(server, f"/explain?{asked(tree / 'Trip/<img src=x>.png')}")
    assert "The one to keep of 2 copies" in " ".join(picture.text.split())
    (source,) = {str(it["src"]) for tag, it in picture.elements if tag == "img"}
    assert server.get(source).body == PIXEL
    assert "the notes" in shown(server, f"/explain?{asked(tree / 'Trip/notes.txt')}").text
    key = shown(server, f"/explain?{asked(tree / 'keys/id_rsa')}")
    assert "PRIVATE KEY" not in key.text and "id_rsa" in key.text
    assert "Empty" in shown(server, f"/explain?{asked(tree / 'keys/empty')}").text
    folder = shown(server, f"/explain?{asked(tree / 'Trip')}")
    assert family_of(server) in links(folder, "/families/"), "its id is the same one"
    for query, status in (
        ("path=relative", 422),
        ("path=/nothing", 404),
        ("path_b64=!", 422),
        ("path=/a&path_b64=Lw==", 422),
        ("path=%2Fa%00b", 422),
    ):
        answer = server.get(f"/explain?{query}", PAGE)
        assert answer.status == status and values(outline(answer), "path")["path"], query
    assert server.get("/explain?path=%FF", PAGE).status == 400


def test_what_is_gone(tmp_path: Path, vault: Path) -> None:
    copies: Tree = {f"f{n}": f"{n}" * 5000 for n in range(5)}
    tree = make_tree(
        tmp_path / "tree",
        {"<b>": {**copies, "mine": "mine" * 99}, "Copy of <b>": copies, "x": {"y": "z"}},
    )
    assert run("scan", tree, vault=vault).code == 0
    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code in (0, 1)
    assert run("dedupe", "--apply", plan, vault=vault, stdin=b"5\n").code == 0
    os.rename(tree / "<b>", tree / "moved")
    (tree / "x/y").unlink()
    assert run("scan", tree, vault=vault).code == 0
    with serving(vault) as server:
        removed = shown(server, f"/explain?{asked(tree / 'Copy of <b>')}")
        assert "is no longer here" in removed.text and "in the quarantine" in removed.text
        assert links(removed, "/runs/")
        assert "A run moved it into the quarantine." in removed.text
        moved = shown(server, f"/explain?{asked(tree / '<b>/mine')}")
        assert "moved to" in moved.text and str(tree / "moved/mine") in moved.text
        kept = shown(server, f"/explain?{asked(tree / '<b>/f1')}")
        assert "It was the copy kept for these" in kept.text and links(kept, "/runs/")
        missing = shown(server, f"/explain?{asked(tree / 'x/y')}")
        assert "no longer here" in missing.text and links(missing, "/trace/")
        os.rename(tree / "moved", tree / "<b>")
        assert run("scan", tree, vault=vault).code == 0
        assert run("dedupe", "--empty-quarantine", "--yes", vault=vault).code == 0
        deleted = shown(server, f"/explain?{asked(tree / 'Copy of <b>')}")
        assert "it was deleted from there for good." in deleted.text
        assert "deleted for good" in deleted.text.split("What runs did here")[1]


def test_clicking_through_the_tree(server: Server, tree: Path) -> None:
    (top,) = set(links(shown(server, "/tree"), "/tree?"))
    found: set[bytes] = set()
    places = [f"{top}&limit=7"]
    while places:
        page = shown(server, places.pop())
        entries = links(page, "/explain?")[1:]
        found |= {_path_of(it) for it in entries}
        here = next(it for it in links(page, "/unique?"))
        inner = [it for it in links(page, "/tree?") if _is_inside(it, here)]
        places += [f"{it}&limit=100" for it in inner]
        places += [it for it in links(page, "/tree?") if "after=" in it]
    wanted = {
        folder + b"/" + name for folder, _, names in os.walk(os.fsencode(tree)) for name in names
    }
    assert found == wanted


def _path_of(link: str) -> bytes:
    query = dict(parse_qsl(urlsplit(link).query))
    return path_from_json({name: it for name, it in query.items() if name.startswith("path")})


def _is_inside(link: str, around: str) -> bool:
    if "after=" in link:
        return False
    return _path_of(link).startswith(_path_of(around) + b"/")


def test_what_would_be_lost(server: Server, tree: Path) -> None:
    place = f"/unique?{asked(tree / 'alone')}"
    page = shown(server, place)
    wanted = run("unique", tree / "alone", "--json", vault=server.vault).json()
    assert headline(server, place) == "120 files, 8.7 kB, exist nowhere else."
    assert wanted["unique_bytes"] == sum(each["size"] for each in wanted["unique"])
    found, following = set(links(page, "/explain?")), place
    while True:
        page = shown(server, following)
        found |= set(links(page, "/explain?"))
        following = next((it for it in links(page, "/unique?") if "after=" in it), "")
        if not following:
            break
    assert {_path_of(it) for it in found} == {path_from_json(each) for each in wanted["unique"]}
    covered = f"/unique?{asked(tree / 'many')}"
    shown(server, covered)
    assert "exist" in headline(server, covered), "copies inside the folder itself do not count"
    for query, status in (("path=x", 422), ("path=/nothing", 404)):
        answer = answered(server, f"/unique?{query}")
        assert answer.status == status and values(outline(answer), "path")["path"], query


def test_nothing_would_be_lost(tmp_path: Path, vault: Path) -> None:
    same: Tree = {"a": "x" * 999, "b": "y" * 999}
    tree = make_tree(tmp_path / "tree", {"one": same, "two": same})
    scan(vault, tree)
    with serving(vault) as server:
        place = f"/unique?{asked(tree / 'one')}"
        assert "has a copy elsewhere" in shown(server, place).text
        assert headline(server, place) == "Nothing would be lost."


def test_pages_that_only_read(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    with serving(vault, "--read-only") as server:
        for path in pages(server, tree)[:20]:
            page = shown(server, path)
            assert not [it for tag, it in page.elements if it.get("method") == "post"], path
            assert not values(page, "form")["form"]
        assert server.post("/marks", b"", FORM).status == 405


def test_a_drive_that_is_not_connected(tmp_path: Path, vault: Path) -> None:
    copies: Tree = {f"f{n}.png": PIXEL + b"%d" % n for n in range(9)}
    tree = make_tree(tmp_path / "drive", {"a": copies, "b": {**copies, "own": "x"}})
    assert run("scan", tree, vault=vault).code == 0
    tree.rename(tmp_path / "away")
    with serving(vault) as server:
        digest = server.get("/api/v1/groups").json()["items"][0]["blake3"]
        for path in (
            *("/families", family_of(server), "/groups", f"/groups/{digest}", "/tree", "/unique"),
            *(f"/{page}?{asked(tree / 'a')}" for page in ("tree", "explain")),
            f"/explain?{asked(tree / 'a/f1.png')}",
            f"/compare?{asked(tree / 'a', 'a')}&{asked(tree / 'b', 'b')}",
        ):
            page = shown(server, path)
            assert "img" not in [tag for tag, _ in page.elements] or "/compare" in path, path
            is_said = "not connected" in page.text
            assert is_said or path.startswith(("/compare", "/tree?")), path


def test_a_folder_of_a_large_index_is_explained_by_a_job(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "drive", {"a": {"x": "x" * 99}, "b": {"x": "x" * 99}})
    assert run("scan", tree, vault=vault).code == 0
    make_rows(vault, 100_100, 100)
    with serving(vault) as server:
        place = f"/explain?{asked(tree / 'a')}"
        assert server.get(place, PAGE).status == 202
        page = shown(server, place)
        assert "1 file, 99 B" in page.text and "also somewhere else" in page.text
        wanted = run("explain", "--json", tree / "a", vault=vault).json()
        assert answered(server, f"/api/v1{place}", {}).json() == wanted
        assert server.get(f"/explain?{asked(tree / 'a/x')}", PAGE).status == 200
        jobs = server.get("/api/v1/jobs").json()["jobs"]
        assert [job["kind"] for job in jobs] == ["explain"]


def test_before_the_first_scan(vault: Path) -> None:
    with serving(vault) as server:
        for path in ("/families", "/groups", "/tree", "/unique", "/marks", "/explain?path=/x"):
            answer = server.get(path, PAGE)
            assert answer.status == 503 and "gorillacomb scan" in outline(answer).text, path
        assert form_of(server)


def test_a_copy_in_a_copy_counts_once() -> None:
    others = [{"path": "/d/b", "bytes": 30}, {"path": "/d/b/in", "bytes": 20}]
    others.append({"path": "/d/b-c", "bytes": 5})
    family = ListedFamily({"keep": {"path": "/d/a"}, "others": others}, frozenset())
    assert family.copied_bytes == 35


@pytest.mark.parametrize("length", [8_193, 20_000])
def test_a_path_longer_than_any_link_has(drive: Server, length: int) -> None:
    """It is answered, as a path that is not known."""
    path = f"/{'x' * length}"
    for page in ("/explain", "/tree", "/unique"):
        answer = answered(drive, f"{page}?path={path}")
        assert answer.status in (200, 404, 422), (page, answer.status)
