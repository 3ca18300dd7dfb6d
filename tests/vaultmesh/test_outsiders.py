"""What a trace says can be checked by those who have none of our code."""

from __future__ import annotations

import ast
import base64
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run import Ran, run
from tests.support.trees import make_tree, settle

OPENSSL = "openssl pkeyutl -verify -rawin -pubin -in text -sigfile signature -inkey"
RECOMPUTE = Path(__file__).with_name("recompute.py")


@pytest.fixture
def scanned(tmp_path: Path, vault: Path) -> Path:
    """A drive of 300 files, scanned twice; its key changed in between."""
    drive = make_tree(tmp_path / "Drive", {f"größe {each}": f"{each}" for each in range(300)})
    make_tree(drive, {b"not utf-8 \xff": "x"})
    settle(drive)
    assert run("scan", drive, vault=vault).code == 0
    assert run("keys", "rotate", vault=vault).code == 0
    make_tree(drive, {"more": "more"})
    settle(drive)
    assert run("scan", drive, vault=vault).code == 0
    return drive


@pytest.fixture
def export(scanned: Path, vault: Path, tmp_path: Path) -> Path:
    assert run("trace", "export", tmp_path / "export", vault=vault).code == 0
    return tmp_path / "export"


def recomputed(folder: Path) -> Ran:
    ran = subprocess.run(
        [sys.executable, "-I", RECOMPUTE, folder], capture_output=True, cwd=folder.parent
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_the_script_is_short_and_has_nothing_of_ours() -> None:
    source = RECOMPUTE.read_text()
    assert len(source.splitlines()) <= 30
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert imported == {"base64", "json", "sys", "hashlib"}


def test_a_script_recomputes_the_root(export: Path, vault: Path) -> None:
    ran = recomputed(export)
    assert ran.code == 0, ran
    origin, size, root = ran.out.split()
    said = run("trace", "verify", "--json", vault=vault).json()
    assert (int(size), root) == (said["entries"], said["root"])
    assert origin.startswith("gorillacomb/")
    assert (export / "checkpoint").read_bytes() == run("trace", "checkpoint", vault=vault).stdout


def test_the_script_notices_a_changed_byte(export: Path) -> None:
    entries = export / "entries.jsonl"
    good = entries.read_bytes()
    for place in range(11, len(good), len(good) // 40):
        if good[place : place + 1] == b"\n":
            continue
        entries.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert recomputed(export).code != 0, place
    entries.write_bytes(good[: good.rstrip(b"\n").rfind(b"\n") + 1])  # the last entry dropped
    assert "not the entries that were signed" in recomputed(export).err
    entries.write_bytes(good)
    assert recomputed(export).code == 0


def test_openssl_checks_the_signature(scanned: Path, vault: Path, tmp_path: Path) -> None:
    text, _, lines = run("trace", "checkpoint", vault=vault).stdout.rpartition(b"\n\n")
    [signature] = lines.splitlines()
    (tmp_path / "text").write_bytes(text + b"\n")
    (tmp_path / "signature").write_bytes(base64.b64decode(signature.split()[-1])[4:])
    pems = run("keys", "show", "--pem", vault=vault).out.split("-----END PUBLIC KEY-----\n")
    old, new, rest = pems
    assert rest == ""
    for number, pem in enumerate((old, new)):
        (tmp_path / f"{number}.pem").write_text(pem + "-----END PUBLIC KEY-----\n")
    assert not openssl(tmp_path, "0.pem")
    assert openssl(tmp_path, "1.pem")
    for name in ("text", "signature"):
        good = (tmp_path / name).read_bytes()
        for place in (0, len(good) // 2, len(good) - 1):
            bad = bytearray(good)
            bad[place] ^= 1
            (tmp_path / name).write_bytes(bytes(bad))
            assert not openssl(tmp_path, "1.pem")
        (tmp_path / name).write_bytes(good)
    assert openssl(tmp_path, "1.pem")


def openssl(folder: Path, key: str) -> bool:
    try:
        ran = subprocess.run(
            [
                *[
                    "openssl",
                    "pkeyutl",
                    "-verify",
                    "-rawin",
                    "-pubin",
                    "-in",
                    "text",
                    "-sigfile",
                    "signature",
                    "-inkey",
                ],
                key,
            ],
            cwd=folder,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("MISSING: openssl")
    assert (ran.returncode == 0) == (b"Verified Successfully" in ran.stdout), ran
    return ran.returncode == 0
