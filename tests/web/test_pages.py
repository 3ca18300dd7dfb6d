"""The pages without scripts: links and forms, as a browser sends them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

from tests.support.run import until
from tests.support.server import Answer, Server, serving
from tests.support.trees import make_tree, scan

PAGE = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", **PAGE}


class Outline(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def outline(answer: Answer) -> Outline:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Outline(answer.body.decode())


def submit(server: Server, path: str, /, **fields: str) -> Answer:
    return server.post(path, urlencode(fields).encode(), FORM)


def form_of(server: Server, path: str = "/") -> str:
    fields = outline(server.get(path, PAGE)).elements
    return next(it["value"] or "" for tag, it in fields if it.get("name") == "form")


def test_log_in_with_a_pasted_address(server: Server) -> None:
    fresh = {"Cookie": None, **PAGE}
    assert server.get("/", fresh).headers["location"] == "/login"
    page = outline(server.get("/login", fresh))
    assert "gorillacomb serve link" in page.text
    wrong = server.post("/login", urlencode({"token": "x"}).encode(), {**fresh, **FORM})
    assert wrong.status == 401 and "used already" in outline(wrong).text
    pasted = urlencode({"token": f"{server.origin}/login#{server.token()}"}).encode()
    answer = server.post("/login", pasted, {**fresh, **FORM})
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert server.get("/", {"Cookie": cookie}).status == 200


def test_a_scan_by_its_button(server: Server) -> None:
    started = submit(server, "/scan", form=form_of(server))
    assert started.status == 303
    place = started.headers["location"]
    assert until(lambda: "done" in outline(server.get(place, PAGE)).text, 120)
    assert "Scan" in outline(server.get("/jobs", PAGE)).text


def test_forms_of_others_do_nothing(server: Server) -> None:
    form = form_of(server)
    for path, fields in (("/scan", {}), ("/cancel", {"job": "x"}), ("/logout", {})):
        for sent in ({"form": "x" * 64, **fields}, {"form": "", **fields}, {"form": "é", **fields}):
            assert submit(server, path, **sent).status in (403, 422), path
        other = {"Sec-Fetch-Site": "same-site", **FORM}
        body = urlencode({"form": form, **fields}).encode()
        assert server.post(path, body, other).status == 403
    assert server.get("/").status == 200


def test_under_a_shared_name_a_form_needs_more_than_the_cookie(server: Server) -> None:
    """A program on another port gets the cookie, and with it the page that has the form's token."""
    shared = {**FORM, "Host": f"localhost:{server.port}"}
    sent = {**shared, "Cookie": None, "Content-Type": "application/json"}
    answer = server.post("/api/v1/session", {"token": server.token()}, sent)
    secret = answer.json()["secret"]
    shared["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
    fields = outline(server.get("/", shared)).elements
    form = next(it["value"] or "" for tag, it in fields if it.get("name") == "form")
    body = urlencode({"form": form, "job": "x"}).encode()
    for path in ("/scan", "/cancel"):
        assert server.post(path, body, shared).status == 403, path
        wrong = {**shared, "X-GorillaComb-Secret": "guess"}
        assert server.post(path, body, wrong).status == 403, path
    right = {**shared, "X-GorillaComb-Secret": secret}
    assert server.post("/scan", body, right).status == 303
    assert server.post("/logout", body, shared).status == 303


def test_log_out(server: Server) -> None:
    assert submit(server, "/logout", form=form_of(server)).headers["location"] == "/login"
    assert server.get("/").headers["location"] == "/login"


def test_names_are_data_on_every_page(tmp_path: Path, vault: Path) -> None:
    odd = make_tree(tmp_path / "<script>alert(1)<b>\u202e&amp;", {"a": "x", "b": "x"})
    scan(vault, odd)
    with serving(vault) as server:
        place = str(odd)
        sent = {"kind": "scan", "paths": [{"path": place}]}
        job = server.done(server.post("/api/v1/jobs", sent))["id"]
        for path in ("/", "/jobs", f"/jobs/{job}"):
            answer = server.get(path, PAGE)
            page = outline(answer)
            assert [tag for tag, _ in page.elements if tag in ("b", "script")] == ["script"] * len(
                re.findall(rb"<script type=.module", answer.body)
            )
            assert "\u202e" not in page.text, "it would turn the text around"
        assert "<script>alert(1)<b>" in outline(server.get("/", PAGE)).text


def test_no_page_needs_another_host_or_inline_code(server: Server) -> None:
    for path in ("/", "/jobs", "/login", "/nothing"):
        for tag, attributes in outline(server.get(path, PAGE)).elements:
            for name, value in attributes.items():
                assert not name.startswith("on") and name != "style", (path, tag, name)
                if name in ("src", "href", "action"):
                    assert value is not None and value.startswith("/") and value[1:2] != "/"
    for name in ("style.css", "page.js", "login.js", "job.js", "icon.svg"):
        found = server.get(f"/static/{name}", {"Cookie": None})
        assert found.status == 200
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", found.body), name


def test_problems_are_pages_for_a_browser(server: Server) -> None:
    answer = server.get("/nothing", PAGE)
    assert answer.status == 404 and "no such page" in outline(answer).text
    assert server.get("/nothing").headers["content-type"] == "application/problem+json"
    assert server.get("/jobs/x", PAGE).status == 404


def test_before_the_first_scan_and_read_only(tmp_path: Path, vault: Path) -> None:
    with serving(vault, "--read-only") as server:
        page = outline(server.get("/", PAGE))
        assert "Nothing has been scanned yet" in page.text and "gorillacomb scan" in page.text
        scan(vault, make_tree(tmp_path / "tree", {"a": "x"}))
        page = outline(server.get("/", PAGE))
        assert not [tag for tag, it in page.elements if tag == "form" or it.get("name") == "form"]
        assert "No file is there twice" in page.text
