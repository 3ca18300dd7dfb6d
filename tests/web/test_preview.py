"""Previews: what is shown, what is only saved, and what is not opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gorillacomb.vault.vault import Vault, state_folder
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Answer, Server, serving
from tests.support.trees import Tree, make_tree

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
FILES: Tree = {
    "note.txt": "grüße\n" * 9,
    "cut.txt": "a" + "ü" * 4000,
    "picture.jpg": PNG,
    "page.html": "<script>alert(1)</script>",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "named.png.SVG": PNG,
    "program": b"\x7fELF\0\1",
    "trick.txt": b"text\0binary",
    ".env": "PASSWORD=hunter2",
    "id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----",
    'q"uote\\\r\nX: y\u202egpj.txt': "named badly",
    "gone.txt": "gone",
    "link.txt": "link",
    "pipe.txt": "pipe",
    "empty": "",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("preview") / "tree", FILES)


@pytest.fixture(scope="module")
def running(files: Path) -> Iterator[Server]:
    with in_memory() as folder:
        assert run("scan", files, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def shown(server: Server, path: Path) -> Answer:
    return server.get(f"/api/v1/preview?path={quote(str(path))}")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("note.txt", "text/plain; charset=utf-8"),
        ("cut.txt", "text/plain; charset=utf-8"),
        ("picture.jpg", "image/png"),
        ("empty", "text/plain; charset=utf-8"),
        ("page.html", None),
        ("drawing.svg", None),
        ("named.png.SVG", None),
        ("program", None),
        ("trick.txt", None),
    ],
)
def test_what_is_shown_and_what_is_saved(
    server: Server, files: Path, name: str, kind: str | None
) -> None:
    answer = shown(server, files / name)
    assert answer.status == 200 and answer.body == (files / name).read_bytes()
    assert answer.headers["content-type"] == (kind or "application/octet-stream")
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment" if kind is None else "inline")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_name_is_no_header(server: Server, files: Path) -> None:
    [odd] = [path for path in files.iterdir() if path.name.startswith('q"')]
    answer = shown(server, odd)
    assert answer.status == 200 and "x" not in answer.headers
    assert answer.headers["content-disposition"] == (
        "inline; filename=\"q_uote___X: y_gpj.txt\"; filename*=UTF-8''q%22uote%5C__X%3A%20y_gpj.txt"
    )


@pytest.mark.parametrize("name", [".env", "id_rsa"])
def test_secrets_are_not_shown(server: Server, files: Path, name: str) -> None:
    answer = shown(server, files / name)
    assert answer.status == 409 and b"hunter2" not in answer.body


def test_what_is_another_file_by_now(server: Server, files: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for name in ("gone.txt", "link.txt", "pipe.txt"):
        (files / name).unlink()
    (files / "link.txt").symlink_to(secret)
    os.mkfifo(files / "pipe.txt")
    for name in ("gone.txt", "link.txt", "pipe.txt"):
        answer = shown(server, files / name)
        assert answer.status in (404, 409) and b"secret" not in answer.body, name


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/dev/zero", "/"])
def test_what_the_index_does_not_have(server: Server, path: str) -> None:
    assert server.get(f"/api/v1/preview?path={quote(path)}").status == 404


def test_a_folder_that_a_link_leads_through(server: Server, files: Path, tmp_path: Path) -> None:
    (tmp_path / "in").symlink_to(files)
    answer = shown(server, tmp_path / "in" / "note.txt")
    assert answer.status in (200, 404)
    for part in ("..", "."):
        assert shown(server, files / "x" / part / "note.txt").status in (200, 404)


def test_our_own_files_are_not_shown(own_home: Path, vault: Path) -> None:
    """Even if the home that they are in was scanned."""
    (own_home / "note.txt").write_text("a note")
    assert run("scan", own_home, vault=own_home / "vault").code == 0
    with serving(own_home / "vault") as server:
        assert run("scan", own_home, vault=own_home / "vault").code == 0
        assert shown(server, own_home / "note.txt").body == b"a note"
        ours = [*Vault(own_home / "vault").folder.iterdir(), *state_folder().rglob("*")]
        assert len(ours) > 4
        for path in ours:
            answer = shown(server, path)
            assert answer.status in (404, 409), (path, answer.body[:100])


def test_content_needs_a_session(server: Server, files: Path) -> None:
    path = f"/api/v1/preview?path={quote(str(files / 'note.txt'))}"
    assert server.get(path, {"Cookie": None}).status == 401
    image = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert server.get(path, image).status == 403
