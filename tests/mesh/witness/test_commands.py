"""`mesh witness` on the command line, and what upkeep does with its files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gorillacomb.mesh.witness.service import Witness
from gorillacomb.mesh.witness.state import name_of
from gorillacomb.vault.vault import Vault, state_folder
from tests.mesh.logs import MadeLog
from tests.mesh.witness.outside import Outside
from tests.support.run import run
from tests.support.trees import make_tree

LOG = MadeLog()


@pytest.fixture
def scanned(vault: Path, tmp_path: Path) -> Path:
    """A vault with a trace and a witness that trusts a log."""
    assert run("scan", make_tree(tmp_path / "tree", {"a": "1"}), vault=vault).code == 0
    assert run("mesh", "witness", "init", vault=vault).code == 0
    assert run("mesh", "witness", "trust", str(LOG.vkey), vault=vault).code == 0
    return vault


def cosign(vault: Path, old: int, size: int) -> bytes:
    """Have the log cosigned; the note that its owner keeps."""
    lines = Witness.open(Vault(vault)).add_checkpoint(LOG.request(old, size))
    return LOG.note(size) + lines


def test_init_prints_both_keys_one_a_line(vault: Path) -> None:
    ran = run("mesh", "witness", "init", "--name", "example.org/w", vault=vault)
    keys = ran.out.splitlines()
    assert [key.split("+")[0] for key in keys] == ["example.org/w"] * 2
    assert "trust VKEY" in ran.err
    folders = (state_folder() / "witnesses", vault / "mesh/witness")
    assert [each.stat().st_mode & 0o777 for each in folders] == [0o700] * 2
    assert run("mesh", "witness", "show", vault=vault).out.splitlines()[:2] == keys
    again = run("mesh", "witness", "init", vault=vault)
    assert (again.code, "already" in again.err) == (2, True)
    new = run("mesh", "witness", "init", "--new-key", "--json", vault=vault).json()
    assert new["name"].startswith("gorillacomb/witness/")
    assert run("mesh", "witness", "show", "--json", vault=vault).json()["vkeys"] == new["vkeys"]
    same = run("mesh", "witness", "init", "--new-key", "--name", "example.org/w", vault=vault)
    assert (same.code, "already" in same.err) == (2, True)


def test_trust_takes_keys_and_files(vault: Path, tmp_path: Path) -> None:
    assert run("mesh", "witness", "init", vault=vault).code == 0
    other = MadeLog("example.com/other")
    file = tmp_path / "keys"
    file.write_text(f"{LOG.vkey}\r\n\n{other.vkey}\n")
    ran = run("mesh", "witness", "trust", file, "--json", vault=vault)
    assert ran.json() == {"changed": [str(LOG.vkey), str(other.vkey)]}
    assert run("mesh", "witness", "trust", str(LOG.vkey), "--json", vault=vault).json() == {
        "changed": []
    }
    shown = run("mesh", "witness", "show", "--json", vault=vault).json()["logs"]
    assert [each["origin"] for each in shown] == [LOG.origin, other.origin]
    gone = run("mesh", "witness", "untrust", other.origin, "--json", vault=vault)
    assert gone.json() == {"changed": [str(other.vkey)]}
    for words in (["nonsense"], [f"{LOG.vkey}x"], [os.devnull]):
        assert run("mesh", "witness", "trust", *words, vault=vault).code == 2
    assert run("mesh", "witness", "untrust", "example.com/none", vault=vault).code == 2


def test_without_a_witness(vault: Path) -> None:
    Vault(vault).create()
    for words in (["show"], ["recover"]):
        ran = run("mesh", "witness", *words, vault=vault)
        assert (ran.code, "mesh witness init" in ran.err) == (2, True)


def test_show_says_how_far_each_log_is_and_when_one_forked(scanned: Path) -> None:
    assert "never cosigned" in run("mesh", "witness", "show", vault=scanned).out
    cosign(scanned, 0, 5)
    ran = run("mesh", "witness", "show", vault=scanned)
    assert (ran.code, "5 entries, cosigned 20" in ran.out) == (0, True)
    outside = Outside(Witness.open(Vault(scanned)).identity)
    assert outside.ask(Witness.open(Vault(scanned)), LOG.forked(2), 5, 5) == 422
    ran = run("mesh", "witness", "show", vault=scanned)
    assert (ran.code, "FORKED" in ran.out) == (1, True)


def test_a_restored_backup_is_refused_until_it_is_recovered(scanned: Path, tmp_path: Path) -> None:
    cosign(scanned, 0, 5)
    assert run("vault", "backup", tmp_path / "backup", vault=scanned).code == 0
    newest = cosign(scanned, 5, 9)
    ran = run("vault", "restore", tmp_path / "backup", "--replace", vault=scanned)
    assert ran.code == 0, ran
    witness = Witness.open(Vault(scanned))
    outside = Outside(witness.identity)
    assert outside.ask(witness, LOG.forked(5), 5, 9) == 503
    assert outside.look(witness, LOG) == 503
    check = run("vault", "check", "--json", vault=scanned)
    assert (check.code, "set back" in check.json()["mesh"]) == (1, True)
    told = run("mesh", "witness", "recover", vault=scanned)
    assert (told.code, "NOT COSIGNED" in told.out) == (1, True)
    note = tmp_path / "note"
    note.write_bytes(LOG.note(12))
    assert run("mesh", "witness", "recover", "--from", note, vault=scanned).code == 2
    note.write_bytes(newest)
    done = run("mesh", "witness", "recover", "--from", note, "--json", vault=scanned)
    assert (done.code, done.json()["recovered"]) == (0, [LOG.origin])
    assert outside.ask(witness, LOG.forked(5), 9, 10) == 422
    assert outside.ask(witness, LOG, 9, 10) == 200
    assert run("vault", "check", vault=scanned).code == 0


def test_a_backup_has_every_file_of_the_mesh(scanned: Path, tmp_path: Path) -> None:
    cosign(scanned, 0, 5)
    other = scanned / "mesh/of/a later/release"
    other.mkdir(parents=True)
    (other / "file").write_bytes(b"anything")
    (scanned / "mesh/empty").mkdir()
    (scanned / "mesh/.half.1234").write_bytes(b"being written")
    ran = run("vault", "backup", tmp_path / "backup", "--json", vault=scanned)
    copied = files_below(tmp_path / "backup")
    assert (
        copied.items()
        >= {
            name: data for name, data in files_below(scanned / "mesh").items() if "half" not in name
        }.items()
    )
    assert "mesh/.half.1234" not in copied
    assert (tmp_path / "backup/mesh/empty").is_dir()
    assert ran.json()["bytes"] == sum(
        path.stat().st_size for path in (tmp_path / "backup").rglob("*") if path.is_file()
    )
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "backup").rglob("*")}
    assert modes == {0}
    fresh = tmp_path / "fresh"
    restored = run("vault", "restore", tmp_path / "backup", "--json", vault=fresh)
    assert restored.code == 0, restored
    assert (fresh / "mesh/of/a later/release/file").read_bytes() == b"anything"
    assert (fresh / "mesh/empty").is_dir()
    name = name_of(LOG.origin)
    [record] = (path for path in (fresh / "mesh/witness").rglob(name))
    assert record.read_bytes() == next((scanned / "mesh/witness").rglob(name)).read_bytes()


def files_below(folder: Path) -> dict[str, bytes]:
    top = folder.parent if folder.name == "mesh" else folder
    return {
        str(path.relative_to(top)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def test_a_backup_with_a_link_in_it_is_refused(scanned: Path, tmp_path: Path) -> None:
    assert run("vault", "backup", tmp_path / "backup", vault=scanned).code == 0
    (tmp_path / "backup/mesh/link").symlink_to("/etc/passwd")
    ran = run("vault", "restore", tmp_path / "backup", vault=tmp_path / "fresh")
    assert (ran.code, "not a file" in ran.err) == (2, True)
    assert not (tmp_path / "fresh").exists()


def test_check_finds_what_is_no_file_or_damaged(scanned: Path) -> None:
    cosign(scanned, 0, 5)
    assert run("vault", "check", vault=scanned).code == 0
    link = scanned / "mesh/link"
    link.symlink_to("logs")
    ran = run("vault", "check", vault=scanned)
    assert (ran.code, "mesh: " in ran.out) == (1, True)
    link.unlink()
    [record] = (scanned / "mesh/witness").rglob(name_of(LOG.origin))
    good = record.read_bytes()
    record.write_bytes(good[: len(good) // 2])
    assert run("vault", "check", vault=scanned).code == 1
    record.write_bytes(good)
    keys = next((Path(os.environ["HOME"]) / ".config/gorillacomb/keys/witness").iterdir())
    shutil.rmtree(keys)
    ran = run("vault", "check", "--json", vault=scanned)
    assert (ran.code, "keys" in ran.json()["mesh"]) == (1, True)


def test_a_vault_is_removed_with_its_mesh(scanned: Path) -> None:
    (scanned / "mesh/of/others").mkdir(parents=True)
    (scanned / "mesh/of/others/file").write_bytes(b"x" * 12345)
    ran = run("vault", "remove", "--yes-remove", "0", "--json", vault=scanned)
    assert ran.code == 0, ran
    assert ran.json()["bytes"] > 12345
    assert not scanned.exists()
    assert not [path for path in scanned.parent.iterdir() if "removed" in path.name]


def test_nothing_secret_is_printed_or_stored_in_the_vault(scanned: Path) -> None:
    cosign(scanned, 0, 5)
    said = run("mesh", "witness", "show", vault=scanned)
    folder = Path(os.environ["HOME"]) / ".config/gorillacomb/keys/witness"
    secrets = [path.read_bytes().split(b"\n")[1] for path in folder.rglob("*.pem")]
    assert len(secrets) == 2
    everything = said.stdout + said.stderr
    for path in scanned.rglob("*"):
        everything += path.read_bytes() if path.is_file() else b""
    assert not any(secret in everything for secret in secrets)
