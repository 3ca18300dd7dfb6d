"""Every page that a link leads to, found as a reader finds them, on a drive with hostile names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.run import run, until
from tests.support.server import Answer, Server, serving
from tests.support.trees import Tree, make_tree, settle
from tests.web.test_pages import PAGE, Outline, outline

_MOST = 150
_OF_A_KIND = 4
_HOSTILE = "<script>alert(1)<b>\u202e&amp;\"'"


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vault of a drive whose names would be code on a page."""
    copy: Tree = {f"{_HOSTILE}{n}": f"{n}" * (100 + n) for n in range(7)}
    odd: Tree = {b"odd\xff": "x" * 300, "\n": "x" * 300}
    folder = tmp_path_factory.mktemp("hostile")
    tree = make_tree(folder / _HOSTILE, {"copy": copy, "copy <b>": copy, **odd})
    vault, manifest = folder / "vault", folder / "manifest.json"
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    assert run("manifest", tree, "-o", manifest, vault=vault).code == 0
    words = ("--manifest", manifest, "--license", "LicenseRef-Ours", "--kind", "seal")
    assert run("scroll", "create", *words, vault=vault).code == 0
    return vault


@pytest.fixture
def hostile(drive: Path) -> Iterator[Server]:
    with serving(drive) as server:
        yield server


def shown(server: Server, path: str) -> Answer:
    """A page with its answer, if it waits for one."""
    found: list[Answer] = []

    def is_there() -> bool:
        found.append(server.get(path, PAGE))
        return found[-1].status != 202 and b'id="follow"' not in found[-1].body

    assert until(is_there, 120), path
    return found[-1]


def is_page(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").startswith("text/html")


def links_of(page: Outline) -> Iterator[str]:
    for tag, attributes in page.elements:
        target = attributes.get("href")
        if tag == "a" and target is not None and target.startswith("/"):
            yield target.partition("#")[0]


def kind_of(target: str) -> tuple[str, ...]:
    """What links of the same kind share: the first word of the path, and the names in the query."""
    parts = urlsplit(target)
    return (parts.path.split("/")[1], *sorted(name for name, _ in parse_qsl(parts.query)))


def crawl(server: Server) -> Iterator[tuple[str, Answer]]:
    """Yield pages and their answers: all kinds of links, some of each kind."""
    waiting, known, kinds = ["/"], {"/"}, dict[tuple[str, ...], int]()
    while waiting and len(known) < _MOST:
        path = waiting.pop(0)
        answer = shown(server, path)
        yield path, answer
        if not is_page(answer):
            continue
        for target in links_of(outline(answer)):
            kind = kind_of(target)
            is_new = target not in known and kinds.get(kind, 0) < _OF_A_KIND
            if is_new and not target.startswith("/api/") and ".json" not in target:
                known.add(target)
                kinds[kind] = kinds.get(kind, 0) + 1
                waiting.append(target)


def check_page(path: str, page: Outline, body: bytes) -> None:
    tags = [tag for tag, _ in page.elements]
    labels = {it.get("for") for tag, it in page.elements if tag == "label"}
    assert tags.count("script") == len(re.findall(rb"<script type=.module", body)), path
    assert not {"b", "iframe", "object", "embed", "style", "base"} & set(tags), path
    assert "\u202e" not in page.text, f"{path}: it would turn the text around"
    assert tags.count("h1") == 1, path
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on") and name != "style", (path, tag, name)
            if name in ("src", "href", "action", "formaction"):
                assert value is not None, (path, tag)
                assert value.startswith("#") or (value.startswith("/") and value[1:2] != "/"), (
                    path,
                    value,
                )
        if tag == "input" and attributes.get("type") != "hidden" and "hidden" not in attributes:
            is_labelled = "aria-label" in attributes or attributes.get("id") in labels
            assert is_labelled, (path, attributes)


def test_every_page(hostile: Server) -> None:
    seen = set()
    for path, answer in crawl(hostile):
        assert answer.status == 200, (path, answer.body[:300])
        if not is_page(answer):
            continue
        page = outline(answer)
        check_page(path, page, answer.body)
        seen.add(path.split("?")[0])
        for tag, attributes in page.elements:
            if tag == "link" and attributes.get("rel") == "alternate":
                twin = hostile.get(attributes["href"] or "")
                assert twin.status == 307, (path, twin.body[:200])
                assert hostile.get(twin.headers["location"]).status in (200, 202), path
    from gorillacomb.web.pages.rendering import NAVIGATION

    assert {link.path for group in NAVIGATION for link in group} <= seen


def test_forms_are_of_their_session(hostile: Server) -> None:
    """Each form that writes has the token, and nothing is done without it."""
    forms: set[str] = set()
    for path, answer in crawl(hostile):
        if not is_page(answer):
            continue
        page = outline(answer)
        sent = [it for tag, it in page.elements if tag == "form" and it.get("method") == "post"]
        actions = [it["action"] for it in sent]
        tokens = [it for _, it in page.elements if it.get("name") == "form"]
        assert len(tokens) == len(actions), path
        forms.update(filter(None, actions))
    assert len(forms) > 8
    before = hostile.get("/api/v1/jobs").json()
    for action in forms:
        body = b"form=" + b"x" * 64
        headers = {"Content-Type": "application/x-www-form-urlencoded", **PAGE}
        assert hostile.post(action, body, headers).status in (403, 404, 422), action
        assert hostile.post(action, body, {**headers, "Sec-Fetch-Site": "same-site"}).status == 403
    assert hostile.get("/api/v1/jobs").json() == before


def test_a_server_that_only_reads_has_no_form(drive: Path) -> None:
    with serving(drive, "--read-only") as server:
        for path, answer in crawl(server):
            assert answer.status == 200, path
            if is_page(answer):
                for tag, attributes in outline(answer).elements:
                    assert tag != "form" or attributes.get("method", "get") == "get", (
                        path,
                        attributes,
                    )
