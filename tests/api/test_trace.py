"""The trace from Python: checked, read, proved, exported and adopted as by the commands."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.api.keys import KeyKind, make_key, user_key, watcher_public_keys
from tests.support.homes import config_folder
from tests.support.run import environment, run
from tests.support.trees import make_tree, settle


@pytest.fixture
def drive(tmp_path: Path, vault: Path) -> Path:
    top = make_tree(tmp_path / "drive", {"a": "a" * 100, "b": "b" * 100, "empty": ""})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    return top


@pytest.fixture
def trace(drive: Path, vault: Path) -> gorillacomb.VaultTrace:
    return gorillacomb.open_vault(vault).trace


def test_a_sound_trace(trace: gorillacomb.VaultTrace, vault: Path) -> None:
    steps: list[int] = []
    check = trace.verify(progress=lambda event: steps.append(event.files))
    assert check.ok
    assert check.reason is None
    assert check.to_dict() == run("trace", "verify", "--json", vault=vault).json()
    assert steps


def test_it_extends_its_own_checkpoint(
    trace: gorillacomb.VaultTrace, drive: Path, tmp_path: Path, vault: Path
) -> None:
    kept = trace.checkpoint()
    assert kept == run("trace", "checkpoint", vault=vault).stdout
    make_tree(drive, {"c": "c" * 100})
    assert run("scan", drive, vault=vault).code == 0
    check = trace.verify(checkpoint=kept)
    assert check.ok
    (tmp_path / "kept").write_bytes(kept)
    words = ("trace", "verify", "--checkpoint", tmp_path / "kept", "--json")
    assert check.to_dict() == run(*words, vault=vault).json()
    with pytest.raises(gorillacomb.UntrustedInput):
        trace.verify(checkpoint=b"no checkpoint")


def test_another_key_is_not_trusted(
    trace: gorillacomb.VaultTrace, tmp_path: Path, vault: Path
) -> None:
    theirs = tmp_path / "theirs.pub"
    theirs.write_text("\n".join(each.verifier or "" for each in trace.public_keys()) + "\n")
    assert trace.verify(key=theirs).ok
    (tmp_path / "home").mkdir()
    stranger = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    assert run("keys", "init", env={**environment(), **stranger}).code == 0
    shown = run("keys", "show", env={**environment(tmp_path / "none"), **stranger})
    (tmp_path / "stranger.pub").write_bytes(shown.stdout)
    check = trace.verify(key=tmp_path / "stranger.pub")
    assert not check.ok
    assert check.reason


def test_an_edited_entry_is_found(trace: gorillacomb.VaultTrace, vault: Path) -> None:
    data = (vault / "trace.db").read_bytes()
    assert data.count(b'"event":"stamp"') >= 2
    (vault / "trace.db").write_bytes(data.replace(b'"event":"stamp"', b'"event":"stamq"', 1))
    check = trace.verify()
    assert not check.ok
    document = check.to_dict()
    assert document == run("trace", "verify", "--json", vault=vault).json()
    assert document["first_bad"] is not None


def test_entries_are_read_lazily(trace: gorillacomb.VaultTrace, vault: Path) -> None:
    every = list(trace.entries())
    assert [each["seq"] for each in every] == list(range(len(every)))
    assert every[0]["event"] == "genesis"
    assert list(itertools.islice(trace.entries(), 1)) == every[:1]
    assert list(trace.entries(last=2)) == every[-2:]
    assert list(trace.entries(last=0)) == []
    assert run("trace", "log", "--json", "--last", "0", vault=vault).json() == {"entries": every}


def test_a_stamp_is_proved(
    trace: gorillacomb.VaultTrace, drive: Path, tmp_path: Path, vault: Path
) -> None:
    proof = trace.prove(drive / "a")
    assert proof.entry["path"] == "a"
    assert proof.data == run("trace", "prove", drive / "a", vault=vault).stdout
    proof.save(tmp_path / "proof")
    found = gorillacomb.verify_proof((tmp_path / "proof").read_bytes())
    assert (found.seq, found.entry) == (proof.seq, proof.entry)
    words = ("trace", "verify", "--proof", tmp_path / "proof", "--json")
    assert found.to_dict() == run(*words, vault=vault).json()
    with pytest.raises(gorillacomb.UsageError, match=r"Writing .* failed"):
        proof.save(tmp_path / "proof")
    with pytest.raises(gorillacomb.UntrustedInput):
        gorillacomb.verify_proof(proof.data.replace(b"index ", b"index 1"))


@pytest.mark.parametrize(
    ("name", "word"),
    [("empty", "has no stamp"), (".", "is a folder"), ("../none", "does not exist")],
)
def test_what_cannot_be_proved(
    name: str, word: str, trace: gorillacomb.VaultTrace, drive: Path
) -> None:
    with pytest.raises(gorillacomb.UsageError, match=word):
        trace.prove(drive / name)


def test_a_file_that_is_gone_is_proved(
    trace: gorillacomb.VaultTrace, drive: Path, vault: Path
) -> None:
    before = trace.prove(drive / "a")
    (drive / "a").unlink()
    assert run("scan", drive, vault=vault).code == 0
    assert trace.prove(drive / "a").seq == before.seq


def test_an_export_can_be_read_by_anybody(trace: gorillacomb.VaultTrace, tmp_path: Path) -> None:
    place = tmp_path / "export"
    count = trace.export(place)
    lines = (place / "entries.jsonl").read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == list(trace.entries())
    assert len(lines) == count
    assert (place / "checkpoint").read_bytes() == trace.checkpoint()
    before = place.stat()
    with pytest.raises(gorillacomb.UsageError, match=r"Writing .* failed"):
        trace.export(place)
    assert place.stat() == before


def test_a_new_log_follows_the_old_one(
    trace: gorillacomb.VaultTrace, drive: Path, vault: Path
) -> None:
    old = list(trace.entries())
    with pytest.raises(gorillacomb.RefusedForSafety, match="is sound"):
        trace.adopt()
    assert list(trace.entries()) == old
    adopted = trace.adopt(force=True)
    assert adopted.adopts == old[0]["log"]
    assert adopted.entries == len(old)
    assert adopted.kept is not None
    assert Path(adopted.kept.decode()).exists()
    (first,) = trace.entries()
    assert (first["log"], first["adopts"]) == (adopted.log, adopted.adopts)
    assert run("scan", drive, vault=vault).code == 0
    assert trace.verify().ok


def test_without_a_vault_nothing_is_made(vault: Path) -> None:
    trace = gorillacomb.open_vault(vault).trace
    for call in (trace.verify, trace.checkpoint, lambda: list(trace.entries())):
        with pytest.raises(gorillacomb.VaultError):
            call()
    assert not vault.exists()


def test_the_keys_of_a_trace(trace: gorillacomb.VaultTrace, vault: Path) -> None:
    (first,) = trace.public_keys()
    assert first.verifier == run("keys", "show", vault=vault).out.strip()
    assert first.pem == run("keys", "show", "--pem", vault=vault).stdout
    second = trace.rotate_key()
    assert trace.public_keys() == [first, second]
    assert trace.verify().ok
    third = run("keys", "rotate", "--json", vault=vault).json()
    assert trace.public_keys()[-1].to_dict() == third
    assert run("keys", "show", "--pem", vault=vault).stdout == b"".join(
        each.pem for each in trace.public_keys()
    )


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_is_made_once(kind: KeyKind, own_home: Path) -> None:
    key = make_key(kind)
    assert Path(key.path.decode()).stat().st_mode & 0o777 == 0o600
    with pytest.raises(gorillacomb.UsageError, match=f"There is an {kind} key"):
        make_key(kind)
    assert user_key(kind).fingerprint == key.fingerprint
    assert key.public_pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert key.to_dict()["folder"] == str(config_folder(own_home) / "keys")


def test_without_a_trace_there_is_the_key_that_signs_now(vault: Path) -> None:
    trace = gorillacomb.open_vault(vault).trace
    with pytest.raises(gorillacomb.UsageError, match="no key yet"):
        trace.public_keys()
    with pytest.raises(gorillacomb.UsageError, match="no watcher key"):
        watcher_public_keys()
    document = run("keys", "init", "--json", vault=vault).json()
    assert user_key("ed25519").to_dict() == document
    (key,) = trace.public_keys()
    assert key.verifier is None
    assert key.pem == run("keys", "show", vault=vault).stdout
    with pytest.raises(gorillacomb.VaultError):
        trace.rotate_key()
    assert not vault.exists()
