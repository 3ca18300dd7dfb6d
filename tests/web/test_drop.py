"""Drop over HTTP: what is known, what is sent, what is kept; seen on the disk."""

from __future__ import annotations

import http.client
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from gorillacomb.hashing import blake3_of_parts
from gorillacomb.vault.vault import Vault, vault_state_folder
from tests.drop.bench import contents
from tests.drop.zips import overlapping, plain
from tests.support.memory import in_memory
from tests.support.run import run, until
from tests.support.server import Answer, Server, serving
from tests.support.trees import make_tree
from tests.web import test_decide_pages as decide
from tests.web.test_pages import PAGE, form_of, outline, submit

API = "/api/v1/drop"
KNOWN, NEW = b"known" * 100, b"new" * 1000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A scanned folder of this test alone."""
    return make_tree(tmp_path / "root", {"known": KNOWN.decode(), "<b>": "markup" * 99})


@pytest.fixture
def mine(place: Path) -> Iterator[Server]:
    with in_memory() as folder:
        assert run("scan", place, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def raw(server: Server, path: str, body: bytes) -> Answer:
    return server.post(path, body, {"Content-Type": "application/octet-stream"})


def digest(data: bytes) -> str:
    return blake3_of_parts([data]).hex()


def spools(server: Server) -> list[Path]:
    folder = vault_state_folder(Vault(server.vault), "drops")
    return sorted(folder.iterdir()) if folder.exists() else []


def send(server: Server, spool: str, name: str, data: bytes, **facts: Any) -> Answer:
    query = urlencode({"path": name, **facts})
    return raw(server, f"{API}/spools/{spool}/files?{query}", data)


def test_files_go_one_by_one_and_are_not_stored(mine: Server, place: Path) -> None:
    before = contents(place)
    known = raw(mine, f"{API}/files?path=a/b", KNOWN)
    assert known.status == 200, known.body
    assert (known.json()["state"], known.json()["copy"]["path"]) == ("have", str(place / "known"))
    new = raw(mine, f"{API}/files?path=new", NEW).json()
    assert (new["state"], new["copy"], new["bytes"]) == ("new", None, 3000)
    assert raw(mine, f"{API}/files?path=e", b"").json()["state"] == "empty"
    only = raw(mine, f"{API}/files?path=n&look_up=false", NEW).json()
    assert only == {"path": "n", "bytes": 3000, "blake3": digest(NEW)}
    assert contents(place) == before
    assert spools(mine) == []


def test_asking_by_digest(mine: Server) -> None:
    files = [{"path": "x", "bytes": len(KNOWN), "blake3": digest(KNOWN)},
             {"path": "y", "bytes": 5, "blake3": digest(b"other")}]  # fmt: skip
    items = mine.post(API, {"files": files}).json()["items"]
    assert [each["state"] for each in items] == ["have", "new"]
    for wrong in ({"files": [{"path": "x"}]}, {"files": [], "more": 1}, {}):
        assert mine.post(API, wrong).status == 422
    assert mine.post(API, {"files": [files[0]] * 5001}).status in (413, 422)


def test_the_new_ones_are_kept_by_a_job_and_taken_back(mine: Server, place: Path) -> None:
    spool = mine.post(f"{API}/spools").json()["id"]
    facts = {"bytes": len(NEW), "blake3": digest(NEW)}
    assert send(mine, spool, "sub/new", NEW, **facts).status == 201
    assert send(mine, spool, "known", KNOWN).status == 201
    shown = mine.get(f"{API}/spools/{spool}").json()
    assert (shown["new"]["files"], shown["have"]["files"]) == (1, 1)
    [folder] = spools(mine)
    assert folder.stat().st_mode & 0o777 == 0o700
    job = mine.done(mine.post(f"{API}/spools/{spool}/keep", {"into": {"path": str(place)}}))
    assert (job["state"], job["exit_code"]) == ("done", 0), job
    result = mine.get(f"/api/v1/jobs/{job['id']}/result").json()
    top = Path(result["kept"]["folder"]["path"])
    assert contents(top) == {"sub/new": NEW}
    assert (top / "sub/new").stat().st_mode & 0o777 == 0o644
    assert spools(mine) == []
    run = result["kept"]["run"]
    for path, words in (("/runs", b"new, kept"), (f"/runs/{run}", b"kept new files")):
        page = mine.get(path, {"Accept": "text/html"})
        assert page.status == 200 and words in page.body, path
    jobs = vault_state_folder(Vault(mine.vault), "jobs")
    assert not list(jobs.glob("*/dropped"))
    undone = mine.done(mine.post(f"/api/v1/runs/{result['kept']['run']}/undo", {}))
    assert undone["exit_code"] == 0
    assert not (place / "Omnidrop").exists()


def test_a_drop_is_removed_again_by_its_button(mine: Server, place: Path) -> None:
    spool = mine.post(f"{API}/spools").json()["id"]
    for name, data in (("sub/new", NEW), ("edited", b"e" * 700), ("gone", b"g" * 300)):
        assert send(mine, spool, name, data).status == 201
    form = form_of(mine)
    options = decide.page(mine, f"/drop/{spool}").elements
    root = next(str(it["value"]) for tag, it in options if tag == "option")
    started = submit(mine, f"/drop/{spool}/keep", form=form, root=root)
    job = decide.ended(mine, started)
    [run_page] = {str(it["href"]) for _, it in job.elements if "/runs/2" in str(it.get("href"))}
    assert "3 new files" in decide.words(job) and "terminal" not in job.text
    listed = decide.words(decide.page(mine, "/runs"))
    assert re.search(r"new, kept ?3 ?4\.0 kB", listed), listed
    [top] = (place / "Omnidrop").iterdir()
    (top / "edited").write_bytes(b"E" * 700)
    (top / "gone").unlink()
    shown = decide.page(mine, run_page)
    text = decide.words(shown)
    assert "quarantine of it" not in text and "Find" not in text and "terminal" not in text
    assert "2 dropped files" in text and "not there any more" in text
    assert "one that was changed since stays" in text and "exists nowhere else" in text
    assert str(top / "sub/new") in text
    sent = decide.fields(shown, f"{run_page}/undo")
    for typed in ("", "3", "two"):
        refused = submit(mine, f"{run_page}/undo", **sent, count=typed)
        assert refused.status == 422 and "type 2. Nothing was removed" in decide.words(
            outline(refused)
        )
    part = submit(mine, f"{run_page}/undo", **sent, part="yes", path=str(top / "sub/new"))
    assert part.status == 422 and (top / "sub/new").read_bytes() == NEW
    done = decide.ended(mine, submit(mine, f"{run_page}/undo", **sent, count="2"))
    assert "1 dropped file is removed again." in decide.words(done)
    assert "was changed since it was kept: it stays" in decide.words(done)
    assert run_page in {it.get("href") for _, it in done.elements}
    assert contents(place / "Omnidrop") == {f"{top.name}/edited": b"E" * 700}
    again = decide.words(decide.page(mine, run_page))
    assert "1 dropped file," in again and "was changed since it was kept" in again
    assert "removed again" in again and "put back" not in again
    assert "put back" not in decide.words(decide.page(mine, "/runs")).partition("removed again")[2]
    (top / "edited").unlink()
    assert "No file of this drop is there any more." in decide.words(decide.page(mine, run_page))
    assert "type 0" in decide.words(outline(submit(mine, f"{run_page}/undo", **sent, count="1")))


def test_what_was_not_asked_for_is_not_taken(mine: Server) -> None:
    spool = mine.post(f"{API}/spools").json()["id"]
    answer = send(mine, spool, "x", NEW + b"!", bytes=len(NEW), blake3=digest(NEW))
    assert answer.status == 409 and "changed" in answer.detail
    assert send(mine, spool, "x", NEW, bytes=1).status == 409
    assert send(mine, spool, "x", NEW).status == 201
    assert send(mine, spool, "x", NEW).status == 409
    assert send(mine, spool, "x/y", NEW).status == 409
    assert send(mine, "0" * 32, "x", NEW).status == 404
    assert send(mine, "..%2F..", "x", NEW).status in (404, 422)
    kept = mine.post(f"{API}/spools/{spool}/keep", {"into": {"path": "/nowhere"}})
    assert kept.status == 422
    assert mine.send("DELETE", f"{API}/spools/{spool}").status == 204
    assert mine.get(f"{API}/spools/{spool}").status == 404
    assert spools(mine) == []


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../../x", "a\\b", "C:x", "a//b", ".gorillacomb/x", "nul", "a\0b"]
)
def test_names_that_lead_elsewhere(server: Server, name: str) -> None:
    spool = server.post(f"{API}/spools").json()["id"]
    try:
        assert send(server, spool, name, b"x").status == 422
        assert raw(server, f"{API}/files?path={quote(name)}", b"x").status == 422
        assert list((spools(server)[-1] / "dropped").iterdir()) == []
    finally:
        server.send("DELETE", f"{API}/spools/{spool}")


def test_a_large_body_goes_only_where_files_go(mine: Server) -> None:
    large = bytes(3 << 20)
    assert raw(mine, f"{API}/files?path=large", large).json()["bytes"] == 3 << 20
    assert mine.post(API, large).status == 413
    assert raw(mine, "/api/v1/marks", large).status == 413
    assert raw(mine, f"{API}/filesx", large).status == 413
    away = {"Cookie": None}
    connection = http.client.HTTPConnection("127.0.0.1", mine.port, timeout=30)
    connection.request(
        "POST",
        f"{API}/files?path=x",
        headers={"Host": mine.host, "Sec-Fetch-Site": "same-origin", "Content-Length": "99999999"},
    )
    assert connection.getresponse().status in (401, 413), away
    connection.close()


def test_a_sender_who_goes_away(mine: Server) -> None:
    spool = mine.post(f"{API}/spools").json()["id"]
    for path in (f"{API}/spools/{spool}/files?path=half", f"{API}/files?path=half"):
        connection = http.client.HTTPConnection("127.0.0.1", mine.port, timeout=30)
        connection.putrequest("POST", path, skip_host=True)
        for name, value in {
            "Host": mine.host,
            "Cookie": mine.cookie,
            "Sec-Fetch-Site": "same-origin",
            "Content-Length": str(1 << 20),
        }.items():
            connection.putheader(name, value)
        connection.endheaders(b"x" * 1000)
        connection.close()
    [folder] = spools(mine)
    assert until(lambda: not list((folder / "parts").iterdir()))
    assert not list((folder / "dropped").iterdir())
    assert mine.get("/api/v1/status").status == 200


def test_a_zip_that_is_sent(mine: Server, place: Path) -> None:
    spool = mine.post(f"{API}/spools").json()["id"]
    assert send(mine, spool, "x.zip", plain({"a": KNOWN, "b/c": NEW})).status == 201
    shown = mine.get(f"{API}/spools/{spool}").json()
    assert {each["path"]: each["state"] for each in shown["items"]} == {
        "x/a": "have",
        "x/b/c": "new",
    }
    job = mine.done(mine.post(f"{API}/spools/{spool}/keep", {"into": {"path": str(place)}}))
    assert job["exit_code"] == 0, job
    assert list(contents(place / "Omnidrop").values()) == [NEW]


def test_a_bomb_that_is_sent(mine: Server) -> None:
    spool = mine.post(f"{API}/spools").json()["id"]
    assert send(mine, spool, "x.zip", overlapping(5000, 10 << 20)).status == 201
    begun = time.monotonic()
    answer = mine.get(f"{API}/spools/{spool}")
    assert answer.status == 422 and "overlap" in answer.detail
    assert time.monotonic() - begun < 10


def test_a_killed_server_leaves_no_rubbish(place: Path, vault: Path) -> None:
    assert run("scan", place, vault=vault).code == 0
    with serving(vault) as server:
        spool = server.post(f"{API}/spools").json()["id"]
        assert send(server, spool, "new", NEW).status == 201
        assert len(spools(server)) == 1
        server.process.kill()
        server.process.wait()
    with serving(vault) as server:
        assert spools(server) == []
    assert contents(place).keys() == {"known", "<b>"}


def multipart(fields: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    edge = "----edge"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    ]
    body = b"".join(parts) + f"--{edge}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}", **PAGE}


def test_the_form_without_scripts(mine: Server, place: Path) -> None:
    form = form_of(mine, "/drop")
    large = os.urandom(3 << 20)
    files = {"new <i>": NEW, "known": KNOWN, "../out": b"x", "z.zip": plain({"in": NEW})}
    answer = mine.post("/drop", *multipart({"form": form}, {**files, "large": large}))
    assert answer.status == 303, answer.body
    there = answer.headers["location"]
    page = outline(mine.get(there, PAGE))
    assert "2 files of 4 are new." in page.text
    assert "new <i>" in page.text and "already" not in page.text
    assert "/out" in page.text and str(place / "known") in page.text
    assert not any(tag == "i" for tag, _ in page.elements)
    root = next(it["value"] for tag, it in page.elements if tag == "option")
    started = submit(mine, f"{there}/keep", form=form, root=root or "")
    assert started.status == 303, started.body
    job = started.headers["location"]
    assert until(lambda: "Ended" in outline(mine.get(job, PAGE)).text, 60)
    kept = contents(place / "Omnidrop")
    assert sorted(map(len, kept.values())) == [3000, 3 << 20]
    assert mine.get(there, PAGE).status == 404
    assert spools(mine) == []


def test_a_form_that_is_forgotten(mine: Server, place: Path) -> None:
    form = form_of(mine, "/drop")
    there = mine.post("/drop", *multipart({"form": form}, {"x": NEW})).headers["location"]
    answer = submit(mine, f"{there}/forget", form=form)
    assert (answer.status, answer.headers["location"]) == (303, "/drop")
    assert spools(mine) == []
    assert mine.post("/drop", *multipart({"form": form}, {})).status == 422
    many = {f"f{number}": b"x" for number in range(1001)}
    assert mine.post("/drop", *multipart({"form": form}, many)).status in (400, 413, 422)
    assert spools(mine) == []


def test_forms_of_others_do_nothing(mine: Server, place: Path) -> None:
    form = form_of(mine, "/drop")
    there = mine.post("/drop", *multipart({"form": form}, {"x": NEW})).headers["location"]
    before = contents(place), spools(mine)
    for sent in ("x" * 64, "", "é"):
        assert mine.post("/drop", *multipart({"form": sent}, {"x": NEW})).status in (403, 422)
        for what, fields in (("keep", {"root": "x"}), ("forget", {})):
            assert submit(mine, f"{there}/{what}", form=sent, **fields).status in (403, 422)
    body, headers = multipart({"form": form}, {"x": NEW})
    other = {**headers, "Sec-Fetch-Site": "same-site"}
    assert mine.post("/drop", body, other).status == 403
    assert mine.post("/drop", body, {**headers, "Cookie": None}).status in (401, 403)
    assert submit(mine, f"{there}/keep", form=form, root="0" * 32).status == 422
    assert (contents(place), spools(mine)) == before


def test_a_server_that_only_reads(place: Path, vault: Path) -> None:
    assert run("scan", place, vault=vault).code == 0
    with serving(vault, "--read-only") as server:
        assert raw(server, f"{API}/files?path=x", NEW).status in (404, 405)
        assert server.post(f"{API}/spools").status in (404, 405)
        page = outline(server.get("/drop", PAGE))
        assert "only reads" in page.text
        assert not any(tag == "input" for tag, _ in page.elements)


def test_too_many_drops_at_once(mine: Server) -> None:
    for _ in range(16):
        assert mine.post(f"{API}/spools").status == 201
    assert mine.post(f"{API}/spools").status == 409
