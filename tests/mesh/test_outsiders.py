"""The script of the documentation, which has nothing of ours, finds a fork that was staged."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gorillacomb.vaultmesh.keys.note import VerifierKey
from tests.docs.example import DOCS, imported_by
from tests.mesh.test_check import KEY, LEFT, ORIGIN, RIGHT, Log

PAGE = (DOCS / "mesh.md").read_text()
PART = PAGE.partition("## Find a fork without Gorilla Comb\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL)
SCRIPT = BLOCKS[0].partition("<<'END'\n")[2].partition("END\n")[0]
VKEY = str(VerifierKey(ORIGIN, KEY.public))


def told(folder: Path, first: bytes, second: bytes, proof: bytes | None = None) -> tuple[int, str]:
    """What the script says of two checkpoints."""
    (folder / "fork.py").write_text(SCRIPT)
    (folder / "a.note").write_bytes(first)
    (folder / "b.note").write_bytes(second)
    words = [sys.executable, "-I", "fork.py", VKEY, "a.note", "b.note"]
    if proof is not None:
        (folder / "proof.json").write_bytes(proof)
        words.append("proof.json")
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr


def test_the_script_is_short_and_has_nothing_of_ours() -> None:
    assert 10 < len(SCRIPT.splitlines()) <= 40
    assert imported_by(SCRIPT) == {"base64", "hashlib", "json", "sys", "cryptography"}


@pytest.mark.parametrize("log", [LEFT, RIGHT])
@pytest.mark.parametrize(("old", "new"), [(1, 2), (7, 8), (8, 20), (12, 15), (3, 19), (16, 17)])
def test_one_log(tmp_path: Path, log: Log, old: int, new: int) -> None:
    notes = (log.held("a", old).note, log.held("b", new).note)
    assert told(tmp_path, *notes, log.document(old, new)) == (0, "one log\n")
    assert told(tmp_path, notes[1], notes[0], log.document(old, new)) == (0, "one log\n")
    assert told(tmp_path, notes[0], notes[0])[0] == 0


@pytest.mark.parametrize(("old", "new"), [(12, 15), (9, 20), (16, 17)])
def test_a_fork(tmp_path: Path, old: int, new: int) -> None:
    """No proof, whoever made it, leads from one of the trees to the other."""
    notes = (LEFT.held("a", old).note, RIGHT.held("b", new).note)
    wanted = (1, f"FORKED: {old} entries, {new} entries\n")
    assert told(tmp_path, *notes, LEFT.document(old, new)) == wanted
    assert told(tmp_path, *notes, RIGHT.document(old, new)) == wanted
    same = (LEFT.held("a", new).note, RIGHT.held("b", new).note)
    assert told(tmp_path, *same) == (1, f"FORKED: {new} entries, {new} entries\n")


def test_what_the_log_did_not_sign_is_no_evidence(tmp_path: Path) -> None:
    note = LEFT.held("a", 12).note
    bad = note.replace(b"\n12\n", b"\n13\n")
    code, text = told(tmp_path, note, bad, json.dumps({"proof": []}).encode())
    assert code == 1
    assert "InvalidSignature" in text
