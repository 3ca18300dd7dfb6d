"""trace, keys and vault on the command line: what they print, how they end, what they refuse."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest

from gorillacomb.cli.commands.admin.vault import command as vault_command
from gorillacomb.cli.commands.trace.trace import command as trace_command
from gorillacomb.vault.vault import LOCK, is_locked
from tests.stamping.trace import check_trace, events, stamping_scan
from tests.support.homes import config_folder, state_folder
from tests.support.mounts import fill, remount, tmpfs
from tests.support.run import (
    Argument,
    Ran,
    complained,
    end_of,
    environment,
    refused,
    run,
    shell,
    start,
    until,
)
from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import Tree, make_tree, settle

TREE: Tree = {
    "HealthTrack": {"package.json": "{}", "server": {"index.ts": "serve", "db.ts": "store"}},
    "Copy of HealthTrack": {"package.json": "{}"},
    "größe.txt": "x",
    b"not utf-8 \xff": "y",
    "two\nlines": "z",
    "empty": "",
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = make_tree(tmp_path / "Drive", TREE)
    settle(top)
    return top


@pytest.fixture
def scanned(top: Path, vault: Path) -> Path:
    stamping_scan(vault, top)
    return top


@pytest.fixture
def keys(own_home: Path) -> Path:
    return config_folder(own_home) / "keys"


@pytest.fixture
def anchors(own_home: Path) -> Path:
    return state_folder(own_home) / "anchors"


def add(top: Path, name: str) -> None:
    (top / name).write_text(f"content of {name}")
    settle(top)


# trace verify


def test_verify(scanned: Path, vault: Path) -> None:
    ran = run("trace", "verify", vault=vault)
    assert (ran.code, ran.out) == (0, "The trace is sound: 8 entries, signed.\n")
    said = run("trace", "verify", "--json", vault=vault).json()
    assert said.pop("root")
    assert said == {
        "ok": True,
        "entries": 8,
        "first_bad": None,
        "reason": None,
        "anchor": "consistent",
        "checkpoint": None,
    }


def test_verify_names_the_first_bad_entry(scanned: Path, vault: Path) -> None:
    edit(vault, "UPDATE entries SET entry = CAST(replace(entry, 'package', 'pockage') AS BLOB)")
    ran = run("trace", "verify", vault=vault)
    assert ran.code == 1
    bad = next(each["seq"] for each in events(vault) if "pockage" in json.dumps(each))
    assert f"from entry {bad} on" in ran.out
    said = run("trace", "verify", "--json", vault=vault)
    assert (said.code, said.json()["ok"], said.json()["first_bad"]) == (1, False, bad)
    check = run("vault", "check", vault=vault)
    assert check.code == 1
    assert "trace: " in check.out
    assert run("vault", "check", "--json", vault=vault).json()["ok"] is False


def edit(vault: Path, words: str, name: str = "trace.db") -> None:
    connection = sqlite3.connect(vault / name, isolation_level=None)
    connection.execute(words)
    connection.close()


def test_verify_looks_at_the_index_too(scanned: Path, vault: Path) -> None:
    edit(vault, "UPDATE stamps SET name = x'61'", "index.db")
    ran = run("trace", "verify", "--json", vault=vault)
    assert (ran.code, ran.json()["first_bad"]) == (1, None)
    assert "different places" in ran.json()["reason"]


def test_verify_without_an_index(scanned: Path, vault: Path) -> None:
    for each in vault.glob("index.db*"):
        each.unlink()
    assert run("trace", "verify", vault=vault).code == 0
    (vault / "index.db").write_bytes(b"no database at all, though long enough to be taken for one")
    complained(run("trace", "verify", vault=vault), 4, "index.db")


def test_a_checkpoint_that_was_kept(scanned: Path, vault: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(run("trace", "checkpoint", vault=vault).stdout)
    add(scanned, "more")
    stamping_scan(vault, scanned)
    ran = run("trace", "verify", "--checkpoint", kept, vault=vault)
    assert ran.code == 0
    assert "It extends the checkpoint that you kept." in ran.out
    said = run("trace", "verify", "--checkpoint", kept, "--json", vault=vault).json()
    assert said["checkpoint"] == "consistent"


def test_the_checkpoint_of_another_log(scanned: Path, vault: Path, tmp_path: Path) -> None:
    stamping_scan(tmp_path / "another", scanned)
    kept = tmp_path / "kept"
    kept.write_bytes(run("trace", "checkpoint", vault=tmp_path / "another").stdout)
    ran = run("trace", "verify", "--checkpoint", kept, vault=vault)
    assert ran.code == 1
    assert "the checkpoint that you kept is that of another log" in ran.out


@pytest.mark.parametrize("junk", [b"", b"junk", b"\xff" * 5000, b"a\n5\n\n\xe2\x80\x94 a b\n"])
def test_a_checkpoint_that_is_none(junk: bytes, scanned: Path, vault: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(junk)
    ran = run("trace", "verify", "--checkpoint", kept, vault=vault)
    refused(ran, 2, "The checkpoint that you kept is refused")
    refused(run("trace", "verify", "--checkpoint", tmp_path / "no", vault=vault), 2, "exist")


def test_a_rolled_back_trace_and_the_kept_checkpoint(
    scanned: Path, vault: Path, anchors: Path, tmp_path: Path
) -> None:
    """The forger rolls vault and anchor back together: only what was kept elsewhere tells."""
    for folder in (vault, anchors):
        shutil.copytree(folder, tmp_path / folder.name)
    add(scanned, "more")
    stamping_scan(vault, scanned)
    kept = tmp_path / "kept"
    kept.write_bytes(run("trace", "checkpoint", vault=vault).stdout)
    for folder in (vault, anchors):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / folder.name, folder)
    assert run("trace", "verify", vault=vault).code == 0
    ran = run("trace", "verify", "--checkpoint", kept, "--json", vault=vault)
    assert (ran.code, ran.json()["first_bad"]) == (1, 8)


def test_another_key(scanned: Path, vault: Path, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.write_bytes(run("keys", "show", "--pem", vault=vault).stdout)
    home = tmp_path / "home"
    env = environment(home / "vault", HOME=str(home))
    assert run("keys", "init", env=env).code == 0
    other.write_bytes(run("keys", "show", env=env).stdout)
    assert run("trace", "verify", "--key", own, vault=vault).code == 0
    ran = run("trace", "verify", "--key", other, vault=vault)
    assert ran.code == 1
    assert "from entry 0 on: it is signed by a key that is not known here" in ran.out
    # As a verifier key, too; and on a machine that has no key at all.
    own.write_bytes(run("keys", "show", vault=vault).stdout)
    assert run("trace", "verify", "--key", own, env=environment(vault, HOME=str(home))).code == 0
    shutil.rmtree(config_folder(home))
    assert run("trace", "verify", "--key", own, env=environment(vault, HOME=str(home))).code == 0
    ran = run("trace", "verify", env=environment(vault, HOME=str(home)))
    assert ran.code == 1
    assert "no key to check it with is known here" in ran.out


def test_the_current_key_vouches_for_what_the_former_signed(
    scanned: Path, vault: Path, tmp_path: Path
) -> None:
    assert run("keys", "rotate", vault=vault).code == 0
    old, new = run("keys", "show", vault=vault).out.splitlines()
    (tmp_path / "old").write_text(old)
    (tmp_path / "new").write_text(new)
    assert run("trace", "verify", "--key", tmp_path / "new", vault=vault).code == 0
    ran = run("trace", "verify", "--key", tmp_path / "old", "--json", vault=vault)
    assert (ran.code, ran.json()["first_bad"]) == (1, 8)


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN PUBLIC KEY-----\nAAAA\n", bytes(9)])
def test_a_key_file_that_is_none(junk: bytes, scanned: Path, vault: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(junk)
    refused(run("trace", "verify", "--key", tmp_path / "key", vault=vault), 2)


def test_the_key_of_another_kind(scanned: Path, vault: Path, tmp_path: Path, keys: Path) -> None:
    assert run("keys", "init", "--rsa").code == 0
    (tmp_path / "key").write_bytes(
        subprocess.run(
            ["openssl", "pkey", "-in", keys / "rsa.pem", "-pubout"], capture_output=True, check=True
        ).stdout
    )
    refused(run("trace", "verify", "--key", tmp_path / "key", vault=vault), 2, "not an Ed25519 key")


# trace log, show, checkpoint, export


def test_log(scanned: Path, vault: Path) -> None:
    said = run("trace", "log", "--json", vault=vault).json()["entries"]
    assert said == events(vault)
    assert [each["seq"] for each in said] == list(range(8))
    lines = run("trace", "log", vault=vault).out.splitlines()
    assert len(lines) == 8
    assert " genesis " in lines[0]
    assert any("two\\nlines" in line for line in lines)
    assert any("not utf-8 \\xff" in line for line in lines)
    assert run("trace", "log", "-n", "3", vault=vault).out.splitlines() == lines[-3:]
    assert run("trace", "log", "-n", "0", vault=vault).out.splitlines() == lines
    assert run("trace", "log", "--last", "99", vault=vault).out.splitlines() == lines
    assert run("trace", "log", "-n", "2", "--json", vault=vault).json()["entries"] == said[-2:]
    refused(run("trace", "log", "-n", "-1", vault=vault), 2)


def test_log_into_a_closed_pipe(scanned: Path, vault: Path) -> None:
    words = shell('"$@" | head -n 1', "trace", "log", "-n", "0")
    ran = run(words=words, env=environment(vault))
    assert (ran.code, len(ran.out.splitlines()), ran.err) == (0, 1, "")


def test_show(scanned: Path, vault: Path) -> None:
    path = scanned / "HealthTrack/server/db.ts"
    said = run("trace", "show", path, "--json", vault=vault).json()
    assert said["path"] == str(path)
    assert [each["event"] for each in said["trace"]] == ["stamp"]
    path.write_text("store more")
    settle(scanned)
    stamping_scan(vault, scanned)
    (scanned / "HealthTrack").rename(scanned / "HT")
    stamping_scan(vault, scanned)
    path = scanned / "HT/server/db.ts"
    said = run("trace", "show", path, "--json", vault=vault).json()
    assert [each["event"] for each in said["trace"]] == ["stamp", "restamp", "moved"]
    text = run("trace", "show", path, vault=vault).out
    assert text.count("because: ") == 2
    assert "from HealthTrack" in text
    ran = run("trace", "show", scanned / "Copy of HealthTrack/package.json", vault=vault)
    assert (ran.code, ran.out.startswith("No entry is about it")) == (0, True)
    odd = run("trace", "show", bytes(scanned) + b"/not utf-8 \xff", "--json", vault=vault).json()
    assert "path_b64" in odd
    assert len(odd["trace"]) == 1
    assert run("trace", "show", scanned, vault=vault).code == 0


def test_export(scanned: Path, vault: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new/export"
    ran = run("trace", "export", folder, vault=vault)
    assert (ran.code, ran.out) == (0, "")
    assert sorted(each.name for each in folder.iterdir()) == ["checkpoint", "entries.jsonl"]
    lines = (folder / "entries.jsonl").read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == events(vault)
    before = (folder / "entries.jsonl").stat().st_mtime_ns
    refused(run("trace", "export", folder, vault=vault), 2, str(folder), "file exists")
    assert (folder / "entries.jsonl").stat().st_mtime_ns == before
    refused(run("trace", "export", folder / "checkpoint/x", vault=vault), 2, "not a directory")


@pytest.mark.linux("notes os.fsync, and macOS flushes otherwise: tests/darwin/test_durability")
@pytest.mark.parametrize(
    ("command", "names"),
    [
        ((trace_command, "export"), ["checkpoint", "entries.jsonl"]),
        ((vault_command, "backup"), ["index.db", "trace-old.db", "trace.db"]),
    ],
)
def test_what_is_put_away_is_on_the_disk(
    command: tuple[click.Command, str],
    names: list[str],
    scanned: Path,
    vault: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Evidence and backups are synced before it is said that they were written, names too."""
    shutil.copy(vault / "trace.db", vault / "trace-old.db")  # as `trace adopt` leaves one
    for name, value in environment(vault).items():
        monkeypatch.setenv(name, value)
    synced: set[str] = set()
    monkeypatch.setattr(os, "fsync", lambda file: synced.add(os.readlink(f"/proc/self/fd/{file}")))
    folder = tmp_path / "copy"
    command[0].main([command[1], str(folder)], standalone_mode=False)
    assert sorted(each.name for each in folder.iterdir()) == names
    assert {str(folder / name) for name in names} | {str(folder), str(tmp_path)} <= synced


@pytest.mark.parametrize("command", [("trace", "export"), ("vault", "backup")])
def test_onto_a_full_disk(
    command: tuple[str, str], scanned: Path, vault: Path, tmp_path: Path
) -> None:
    """What was begun there is taken away again: half a copy is none."""
    with tmpfs(tmp_path / "disk", "16k") as disk:
        (disk / "filler").write_bytes(bytes(12_000))
        ran = run(*command, disk / "copy", vault=vault)
        assert ran.code in (2, 4)
        assert ran.out == ""
        assert len(ran.err.splitlines()) == 2
        assert not (disk / "copy").exists()
    assert run("vault", "check", vault=vault).code == 0


# trace prove


def test_prove(scanned: Path, vault: Path, tmp_path: Path) -> None:
    file = tmp_path / "proof"
    path = scanned / "HealthTrack/server/db.ts"
    ran = run("trace", "prove", path, "-o", file, vault=vault)
    assert (ran.code, ran.out) == (0, "")
    assert run("trace", "prove", path, vault=vault).stdout == file.read_bytes()
    # Without any vault: only the user's key is needed, or one that is named.
    ran = run("trace", "verify", "--proof", file, vault=tmp_path / "none")
    assert ran.code == 0
    assert "HealthTrack/server/db.ts" in ran.out
    said = run("trace", "verify", "--proof", file, "--json", vault=tmp_path / "none").json()
    assert (said["ok"], said["size"]) == (True, 8)
    assert said["entry"] == events(vault)[said["seq"]]
    key = tmp_path / "key"
    key.write_bytes(run("keys", "show", vault=vault).stdout)
    env = environment(tmp_path / "none", HOME=str(tmp_path / "nobody"))
    assert run("trace", "verify", "--proof", file, "--key", key, env=env).code == 0
    refused(run("trace", "verify", "--proof", file, env=env), 2, "none of the keys")
    refused(run("trace", "prove", path, "-o", file, vault=vault), 2, "file exists")
    good = file.read_bytes()
    for place in range(7, len(good), len(good) // 9):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        refused(run("trace", "verify", "--proof", file, vault=vault), 2, "proof")


def test_prove_a_copy(scanned: Path, vault: Path, tmp_path: Path) -> None:
    """What is proved is the stamp of the content."""
    file = tmp_path / "proof"
    path = scanned / "Copy of HealthTrack/package.json"
    assert run("trace", "prove", path, "-o", file, vault=vault).code == 0
    ran = run("trace", "verify", "--proof", file, vault=vault)
    assert " HealthTrack/package.json" in ran.out


def test_what_cannot_be_proved(scanned: Path, vault: Path, tmp_path: Path) -> None:
    refused(run("trace", "prove", scanned / "HealthTrack", vault=vault), 2, "is a folder")
    refused(run("trace", "prove", scanned / "empty", vault=vault), 2, "no stamp")
    refused(run("trace", "prove", scanned / "nothing", vault=vault), 2, "no stamp")
    refused(run("trace", "prove", tmp_path, vault=vault), 2, "no folder that was scanned")
    add(scanned, "new")
    refused(run("trace", "prove", scanned / "new", vault=vault), 2, "no stamp")
    assert "No entry" in run("trace", "show", scanned / "new", vault=vault).out


def test_prove_by_another_trace(scanned: Path, vault: Path, tmp_path: Path) -> None:
    """The trace was put back and the index was not: no wrong entry is proved."""
    shutil.copy(vault / "trace.db", tmp_path / "old")
    add(scanned, "more")
    stamping_scan(vault, scanned)
    edit(vault, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "old", vault / "trace.db")
    refused(run("trace", "prove", scanned / "more", vault=vault), 4)
    assert run("trace", "prove", scanned / "HealthTrack/server/db.ts", vault=vault).code == 0


# Where there is nothing yet.

READING = [
    ("trace", "verify"),
    ("trace", "log"),
    ("trace", "show", "."),
    ("trace", "checkpoint"),
    ("trace", "prove", "."),
    ("trace", "export", "out"),
    ("trace", "adopt"),
    ("keys", "rotate"),
    ("vault", "check"),
    ("vault", "backup", "out"),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_without_a_vault(command: tuple[str, ...], vault: Path, tmp_path: Path) -> None:
    refused(run(*command, vault=vault, cwd=tmp_path), 4, str(vault))
    assert not vault.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_without_a_trace(command: tuple[str, ...], scanned: Path, vault: Path) -> None:
    """It is missed, told of, and only adopt begins a new one."""
    (vault / "trace.db").rename(vault.parent / "away")
    ran = run(*command, vault=vault, cwd=vault.parent)
    if command == ("trace", "adopt"):
        assert ran.code == 0
        assert "an old one that cannot be read" in ran.out
    elif command == ("vault", "check"):
        assert ran.code == 1
    else:
        assert ran.code in (2, 4)
        assert 1 <= len(ran.err.splitlines()) <= 2
        assert not (vault / "trace.db").exists()
        assert not (vault.parent / "out").exists()
    ran = run("scan", scanned, vault=vault)
    if command == ("trace", "adopt"):
        assert ran.code == 0
    else:
        complained(ran, 4, "trace.db is missing")


def test_keys_show_without_anything(vault: Path, tmp_path: Path) -> None:
    refused(run("keys", "show", vault=vault), 2, "no key yet")
    assert run("keys", "init").code == 0
    assert b"BEGIN PUBLIC KEY" in run("keys", "show", vault=vault).stdout


# keys


def test_keys(keys: Path, own_home: Path) -> None:
    ran = run("keys", "init", "--json")
    assert ran.code == 0
    assert ran.json()["kind"] == "ed25519"
    assert ran.json()["folder"] == str(keys)
    assert (keys / "ed25519.pem").stat().st_mode & 0o777 == 0o600
    assert keys.stat().st_mode & 0o777 == 0o700
    before = (keys / "ed25519.pem").read_bytes()
    refused(run("keys", "init"), 2, "ed25519 key already")
    assert (keys / "ed25519.pem").read_bytes() == before
    assert run("keys", "init", "--rsa").code == 0
    refused(run("keys", "init", "--rsa"), 2, "rsa key already")
    assert sorted(each.name for each in keys.iterdir()) == ["ed25519.pem", "rsa.pem"]


def test_rotate(scanned: Path, vault: Path, keys: Path) -> None:
    first = run("keys", "show", vault=vault).out
    ran = run("keys", "rotate", "--json", vault=vault)
    assert ran.code == 0
    assert run("keys", "show", vault=vault).out == f"{first}{ran.json()['key']}\n"
    assert len(list(keys.iterdir())) == 2
    assert run("trace", "checkpoint", vault=vault).out.count("\n— ") == 2
    assert run("keys", "rotate", vault=vault).code == 0
    assert run("keys", "show", "--pem", vault=vault).out.count("BEGIN PUBLIC KEY") == 3
    add(scanned, "more")
    stamping_scan(vault, scanned)
    assert run("trace", "checkpoint", vault=vault).out.count("\n— ") == 1
    check_trace(vault, scanned)


def test_a_passphrase(scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    vault = home / "vault"
    env = environment(vault, HOME=str(home), GORILLACOMB_PASSPHRASE="gorilla \udcff größe")
    assert run("scan", scanned, env=env).code == 0
    key = config_folder(home) / "keys/ed25519.pem"
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in key.read_bytes()
    assert run("trace", "verify", env=env).code == 0
    assert run("keys", "rotate", env=env).code == 0
    assert run("trace", "verify", env=env).code == 0
    add(scanned, "more")
    for passphrase, words in ((None, "is encrypted"), ("wrong", "does not open")):
        wrong = {**env, "GORILLACOMB_PASSPHRASE": passphrase or ""}
        complained(run("scan", scanned, env=wrong), 4, words)
        refused(run("trace", "verify", env=wrong), 4, words)
        refused(run("keys", "rotate", env=wrong), 4, words)
        assert run("trace", "log", env=wrong).code == 0  # only reading needs no key
    assert run("scan", scanned, env=env).code == 0
    assert run("trace", "verify", env=env).code == 0
    long = {**env, "HOME": str(tmp_path / "another"), "GORILLACOMB_PASSPHRASE": "x" * 5000}
    refused(run("keys", "init", env=long), 4, "GORILLACOMB_PASSPHRASE")
    # A passphrase for a key that has none does no harm.
    plain = environment(tmp_path / "plain/vault", HOME=str(tmp_path / "plain"))
    assert run("scan", scanned, env=plain).code == 0
    assert run("trace", "verify", env={**plain, "GORILLACOMB_PASSPHRASE": "x"}).code == 0


def break_key(path: Path, how: str) -> None:
    if how == "deleted":
        path.unlink()
    elif how == "damaged":
        path.write_bytes(path.read_bytes()[:60])
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "a pipe":
        path.unlink()
        os.mkfifo(path)
    elif how == "huge":
        path.write_bytes(bytes(1 << 20))
    elif how == "of another kind":
        path.write_bytes((path.parent / "rsa.pem").read_bytes())
    elif how == "another":
        path.unlink()
        run("keys", "init")


@pytest.mark.parametrize(
    "how", ["deleted", "damaged", "a folder", "a pipe", "huge", "of another kind", "another"]
)
def test_a_key_file_that_is_not_as_it_was(how: str, scanned: Path, vault: Path, keys: Path) -> None:
    """Told in words; the trace is not touched; adopt goes on where the key is lost."""
    assert run("keys", "init", "--rsa").code == 0
    good, before = (keys / "ed25519.pem").read_bytes(), events(vault)
    break_key(keys / "ed25519.pem", how)
    add(scanned, "more")
    for command in (("scan", scanned), ("keys", "rotate"), ("trace", "verify"), ("vault", "check")):
        ran = run(*command, vault=vault)
        assert ran.code in (1, 2, 4), (command, ran)
        if ran.code != 1:
            assert 1 <= len(ran.err.splitlines()) <= 2, ran.err
    assert events(vault) == before
    assert run("trace", "log", vault=vault).code == 0
    if how in ("deleted", "another"):
        assert "trace adopt" in run("scan", scanned, vault=vault).err
        assert run("trace", "adopt", vault=vault).code == 0
        assert run("scan", scanned, vault=vault).code == 0
        check_trace(vault, scanned)
    else:
        if how == "a folder":
            (keys / "ed25519.pem").rmdir()
        else:
            (keys / "ed25519.pem").unlink()
        (keys / "ed25519.pem").write_bytes(good)
        assert run("scan", scanned, vault=vault).code == 0
        check_trace(vault, scanned)


def test_keys_and_anchors_that_may_not_be_read_or_written() -> None:
    with ground() as home:
        top = make_tree(home / "Drive", {"a": "1"})
        give(top)
        settle(top)
        state, config = state_folder(home), config_folder(home)
        assert run_as_stranger("scan", top, home=home).code == 0
        for path, mode in (
            (config / "keys/ed25519.pem", 0o000),
            (config / "keys", 0o000),
            (state / "anchors", 0o500),
            (state, 0o000),
        ):
            before = path.stat().st_mode
            path.chmod(mode)
            (top / f"{path.name} {mode}").write_text(f"{path} {mode}")
            ran = run_as_stranger("scan", top, home=home)
            complained(ran, 4, str(path))
            verify = run_as_stranger("trace", "verify", home=home)
            assert verify.code in (0, 1, 4)
            assert len(verify.err.splitlines()) <= 2
            path.chmod(before)
            assert run_as_stranger("scan", top, home=home).code == 0, path
        assert run_as_stranger("keys", "rotate", home=home).code == 0
        assert run_as_stranger("trace", "verify", home=home).code == 0


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "XDG_STATE_HOME"])
@pytest.mark.parametrize("kind", ["a file", "deep", "odd", "a dangling link"])
def test_odd_places(name: str, kind: str, top: Path, tmp_path: Path, own_home: Path) -> None:
    place = tmp_path / "place"
    if kind == "a file":
        place.write_text("")
    elif kind == "a dangling link":
        place.symlink_to("nowhere")
    elif kind == "deep":
        place = place / "a/b/c"
    else:
        place = Path(os.fsdecode(bytes(place) + b" \xff\n%s{}'"))
    vault = own_home / "vault"
    env = environment(vault, **{name: str(place)})
    ran = run("scan", top, env=env)
    if kind in ("deep", "odd"):
        assert ran.code == 0
        assert run("trace", "verify", env=env).code == 0
        assert run("keys", "rotate", env=env).code == 0
        assert run("trace", "verify", env=env).code == 0
    else:
        complained(ran, 2 if (name, kind) == ("XDG_CONFIG_HOME", "a file") else 4, str(place))
        assert run("scan", top, env=environment(vault)).code == 0
        assert run("trace", "verify", env=environment(vault)).code == 0


def test_two_first_scans_at_once_make_one_key(top: Path, tmp_path: Path, keys: Path) -> None:
    """Two vaults are begun at the same moment: the key of neither is lost."""
    for number in range(2):
        shutil.rmtree(keys, ignore_errors=True)
        vaults = [tmp_path / f"{number} {each}" for each in range(3)]
        for process in [start("scan", top, vault=vault) for vault in vaults]:
            assert end_of(process).code == 0
        for vault in vaults:
            assert run("trace", "verify", vault=vault).code == 0
            assert run("keys", "rotate", vault=vault).code == 0


# vault check and backup, adopt


def test_vault_check(scanned: Path, vault: Path) -> None:
    ran = run("vault", "check", vault=vault)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[:2] == ["index: sound", "trace: sound, 8 entries"]
    if sys.platform == "darwin":
        assert lines.pop(2).startswith(f"doctor: {scanned}: not measured")
    assert lines[2].startswith("Next: gorillacomb doctor PATH")
    assert run("vault", "check", "--json", vault=vault).json() == {
        "ok": True,
        "entries": 8,
        "index": None,
        "trace": None,
        "together": None,
        "tokens": None,
        "scrolls": None,
        "mesh": None,
        "examined": [{"path": str(scanned), "fit": None}],
    }


def test_backup_and_restore(scanned: Path, vault: Path, tmp_path: Path) -> None:
    """A backup put back: the scan refuses, adopt goes on, nothing is told falsely."""
    copy = tmp_path / "backup"
    ran = run("vault", "backup", copy, "--json", vault=vault)
    assert (ran.code, ran.json()["backup"]) == (0, {"path": str(copy)})
    assert sorted(each.name for each in copy.iterdir()) == ["index.db", "trace.db"]
    assert all(each.stat().st_mode & 0o077 == 0 for each in (copy, *copy.iterdir()))
    assert run("vault", "check", vault=copy).code == 0
    refused(run("vault", "backup", copy, vault=vault), 2, str(copy))
    add(scanned, "more")
    stamping_scan(vault, scanned)
    log = events(vault)[0]["log"]
    shutil.rmtree(vault)
    shutil.copytree(copy, vault)
    ran = run("scan", scanned, vault=vault)
    complained(ran, 4, "rolled back or forked")
    assert "trace adopt" in ran.err
    ran = run("trace", "verify", "--json", vault=vault)
    assert (ran.code, ran.json()["first_bad"]) == (1, 8)
    ran = run("trace", "adopt", "--json", vault=vault)
    assert ran.code == 0
    assert (ran.json()["adopts"], ran.json()["entries"]) == (log, 8)
    kept = Path(ran.json()["kept"]["path"])
    assert kept == vault / f"trace-{log}.db"
    genesis = events(vault)[0]
    assert genesis["log"] == ran.json()["log"] != log
    assert (genesis["adopts"], genesis["adopts_size"]) == (log, 8)
    assert len(str(genesis["adopts_root"])) == 64
    assert run("scan", scanned, vault=vault).code == 0
    check_trace(vault, scanned)
    assert run("trace", "verify", vault=vault).code == 0
    assert run("vault", "check", vault=vault).code == 0
    # A sound one is left only by force; then the one before is kept, too.
    refused(run("trace", "adopt", vault=vault), 5, "nothing to adopt")
    assert run("trace", "adopt", "--force", vault=vault).code == 0
    assert len(list(vault.glob("trace-*.db"))) == 2
    assert run("scan", scanned, vault=vault).code == 0
    check_trace(vault, scanned)


def test_adopt_in_words(scanned: Path, vault: Path) -> None:
    ran = run("trace", "adopt", "--force", vault=vault)
    assert ran.code == 0
    new, kept, following = ran.out.splitlines()
    assert "at 8 entries" in new
    assert str(vault) in kept
    assert "gorillacomb scan" in following


@pytest.mark.parametrize("junk", [b"", b"junk" * 5000, None])
def test_adopt_after_a_trace_that_cannot_be_read(
    junk: bytes | None, scanned: Path, vault: Path
) -> None:
    trace = vault / "trace.db"
    edit(vault, "PRAGMA wal_checkpoint(TRUNCATE)")
    if junk is None:
        trace.write_bytes(trace.read_bytes()[:9000])
    else:
        trace.write_bytes(junk)
    before = trace.read_bytes()
    assert run("scan", scanned, vault=vault).code == 4
    assert run("trace", "verify", vault=vault).code in (1, 4)
    ran = run("trace", "adopt", vault=vault)
    assert ran.code == 0
    if junk != b"":
        [kept] = vault.glob("trace-*.db")
        assert kept.read_bytes() == before
    assert run("scan", scanned, vault=vault).code == 0
    check_trace(vault, scanned)


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "link", "dangling link"])
def test_a_trace_that_is_no_file(kind: str, scanned: Path, vault: Path, tmp_path: Path) -> None:
    """Nothing waits for it, nothing follows it; adopt sets it aside."""
    trace = vault / "trace.db"
    shutil.move(trace, tmp_path / "elsewhere")
    if kind == "folder":
        trace.mkdir()
    elif kind == "pipe":
        os.mkfifo(trace)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(trace))
    else:
        trace.symlink_to(tmp_path / ("elsewhere" if kind == "link" else "nowhere"))
    for command in (("scan", scanned), ("trace", "verify"), ("keys", "rotate")):
        ran = run(*command, vault=vault)
        assert ran.code in (2, 4)
        assert str(trace) in ran.err
    assert run("vault", "check", vault=vault).code == 1
    assert run("trace", "adopt", vault=vault).code == 0
    [aside] = vault.glob("trace-*.db")
    assert not aside.is_file() or aside.is_symlink()
    assert not (tmp_path / "nowhere").exists()
    assert run("scan", scanned, vault=vault).code == 0
    assert run("vault", "backup", tmp_path / "copy", vault=vault).code == 0
    check_trace(vault, scanned)


@pytest.fixture
def busy(tmp_path: Path, vault: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A scan of 4,000 files in small batches, in a process of its own."""
    tree: Tree = {
        f"{folder}": {f"{each}": f"{folder} {each}" for each in range(200)} for folder in range(20)
    }
    make_tree(tmp_path / "Busy", tree)
    script = (
        "import sys; from pathlib import Path; from gorillacomb.vaultmesh import ledger;"
        "ledger._BATCH = 10; from tests.stamping.trace import stamping_scan;"
        "stamping_scan(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, vault, tmp_path / "Busy"], env=environment()
    )
    yield process
    process.send_signal(signal.SIGCONT)  # a test that fails may have left it stopped
    process.wait()


def test_everything_while_a_scan_is_running(
    busy: subprocess.Popen[bytes], vault: Path, tmp_path: Path
) -> None:
    """Readers see one moment of it and complain of nothing; writers are refused.

    The first round finds the scan at its beginning, stopped: how quick a machine is, is all one.
    """
    assert until(lambda: size_of(vault) > 50)
    writers: list[tuple[Argument, ...]]
    writers = [("trace", "adopt", "--force"), ("keys", "rotate"), ("scan", tmp_path)]
    rounds = 0
    sizes = set()
    while busy.poll() is None:
        busy.send_signal(signal.SIGSTOP)  # what it has locked stays so for as long as we look
        os.waitid(os.P_PID, busy.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if not is_locked(vault / LOCK):
            busy.send_signal(signal.SIGCONT)  # it is done, and may be closing its databases
            break
        with ThreadPoolExecutor() as threads:  # each waits for a while before it gives up
            for ran in threads.map(lambda command: run(*command, vault=vault), writers):
                refused(ran, 4, "is writing to the vault")
        busy.send_signal(signal.SIGCONT)
        verify = run("trace", "verify", "--json", vault=vault)
        assert verify.code == 0, verify
        sizes.add(verify.json()["entries"])
        copy = tmp_path / f"copy {rounds}"
        assert run("vault", "backup", copy, vault=vault).code == 0
        assert run("vault", "check", "--json", vault=copy).json()["ok"] in (True, False)
        assert run("trace", "export", tmp_path / f"export {rounds}", vault=vault).code == 0
        checkpoint = (tmp_path / f"export {rounds}/checkpoint").read_text()
        lines = (tmp_path / f"export {rounds}/entries.jsonl").read_bytes().splitlines()
        assert int(checkpoint.split("\n")[1]) == len(lines)
        rounds += 1
    assert busy.wait() == 0
    assert rounds
    assert sizes
    for each in tmp_path.glob("copy *"):
        # What was copied is sound; only the anchor knows of more.
        said = run("trace", "verify", "--json", vault=each).json()
        assert said["ok"] or "the anchor outside the vault covers" in said["reason"], said


def size_of(vault: Path) -> int:
    try:
        return len(events(vault))
    except Exception:
        return 0  # it is being made


def test_verify_again_and_again_beside_a_scan(busy: subprocess.Popen[bytes], vault: Path) -> None:
    """Never a false alarm, at whatever moment between commit, anchor and index.

    For every second look the scan is stopped where it is: it would be at its end before a reader
    that gets less of the machine had looked a few times.
    """
    from gorillacomb.vault.vault import Vault
    from gorillacomb.vaultmesh.audit import audit
    from gorillacomb.vaultmesh.open import open_trace_for_reading

    assert until(lambda: (vault / "trace.db").exists() and size_of(vault) > 3)
    seen: list[int] = []
    while busy.poll() is None:
        busy.send_signal(signal.SIGSTOP if len(seen) % 2 else signal.SIGCONT)
        with open_trace_for_reading(Vault(vault)) as ledger:
            found = audit(ledger)
        assert found.ok, found
        seen.append(found.entries)
        busy.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    assert seen == sorted(seen)
    assert len(set(seen)) > 5


def test_a_read_only_vault(tmp_path: Path, top: Path) -> None:
    with tmpfs(tmp_path / "disk", "8m") as disk:
        vault = disk / "vault"
        stamping_scan(vault, top)
        remount(disk, "ro")
        assert run("trace", "verify", vault=vault).code == 0
        assert run("trace", "log", vault=vault).code == 0
        assert run("vault", "check", vault=vault).code == 0
        assert run("vault", "backup", tmp_path / "copy", vault=vault).code == 0
        assert run("keys", "show", vault=vault).code == 0
        for command in (("scan", top), ("keys", "rotate"), ("trace", "adopt", "--force")):
            refused(run(*command, vault=vault), 4, "read-only")
        remount(disk, "rw")
        assert run("trace", "verify", vault=vault).code == 0


@pytest.mark.parametrize("command", [("trace", "adopt", "--force"), ("keys", "rotate")])
def test_a_full_disk(command: tuple[str, ...], tmp_path: Path, top: Path) -> None:
    with tmpfs(tmp_path / "disk", "2m") as disk:
        vault = disk / "vault"
        stamping_scan(vault, top)
        before = events(vault)
        fill(disk)
        ran = run(*command, vault=vault)
        refused(ran, 4)
        (disk / "filler").unlink()
        assert events(vault) == before
        assert not list(vault.glob("trace-*"))
        assert run(*command, vault=vault).code == 0
        assert run("scan", top, vault=vault).code == 0
        check_trace(vault, top)


def test_the_clock_goes_backwards(
    scanned: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times are told as they were; the order is that of the numbers."""
    from gorillacomb.vaultmesh.ledger import Ledger
    from gorillacomb.vaultmesh.open import anchor_store as trace_anchors
    from gorillacomb.vaultmesh.open import key_store

    for moment in (0, -5, 1 << 70):
        add(scanned, f"more {moment}")
        with monkeypatch.context() as patched:
            patched.setattr(
                "gorillacomb.stamping.recorder.open_trace_for_writing",
                lambda vault, moment=moment: Ledger.write(
                    vault.trace, key_store(), trace_anchors(), clock=lambda: moment
                ),
            )
            stamping_scan(vault, scanned)
        assert events(vault)[-1]["time_ns"] == str(moment)
        check_trace(vault, scanned)
        assert run("trace", "log", vault=vault).code == 0
    assert [each["seq"] for each in events(vault)] == list(range(len(events(vault))))


def test_wrong_words() -> None:
    for command in (("trace",), ("keys",), ("vault",)):
        ran: Ran = run(*command)
        assert ran.code == 2
        refused(run(*command, "nonsense"), 2)
        assert run(*command, "--help").code == 0
    refused(run("trace", "prove"), 2)
    refused(run("trace", "export"), 2)
    refused(run("vault", "backup"), 2)
