"""`gorillacomb mesh`: what comes of showing the trace to witnesses that behave, and do not."""

from __future__ import annotations

import base64
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.keys.note import parse_note
from gorillacomb.vaultmesh.open import open_trace_for_reading
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import Ran, end_of, run, start, until
from tests.support.trees import make_tree, settle


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    """A tree, scanned."""
    tree = make_tree(tmp_path / "tree", {"a": {"x": "1"}, "b": {"y": "2"}})
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    return tree


@pytest.fixture
def witness(tree: Path, vault: Path) -> Iterator[StandIn]:
    """A witness that the vault knows."""
    with standing_in(StandIn("alpha")) as made:
        assert run("mesh", "add", *made.options, vault=vault).code == 0
        yield made


def sync(vault: Path, *names: str) -> tuple[int, Any]:
    ran = run("mesh", "sync", *names, "--json", vault=vault)
    return ran.code, ran.json()


def grow(tree: Path, vault: Path, name: str) -> None:
    (tree / name).write_text(name)
    assert run("scan", tree, vault=vault).code == 0


def head_of(vault: Path) -> tuple[str, int]:
    with open_trace_for_reading(Vault(vault)) as ledger:
        return ledger.origin, ledger.size


def test_a_new_size_is_shown_once(tree: Path, vault: Path, witness: StandIn) -> None:
    code, found = sync(vault)
    origin, size = head_of(vault)
    assert (code, found["nodes"][0]["state"], found["cosigned"]) == (0, "cosigned", 1)
    assert parse_checkpoint(witness.held[origin])[0].size == size == found["size"]
    assert sync(vault)[1]["nodes"][0]["state"] == "current"
    assert len(witness.requests) == 1
    grow(tree, vault, "new")
    assert sync(vault)[1]["nodes"][0] == {
        "node": "alpha",
        "state": "cosigned",
        "size": head_of(vault)[1],
        "reason": None,
    }
    assert [each.split(b"\n")[0] for each in witness.requests] == [
        b"old 0",
        f"old {size}".encode(),
    ]


def test_only_the_signature_of_the_log_is_shown(vault: Path, witness: StandIn) -> None:
    sync(vault)
    note = witness.requests[0].partition(b"\n\n")[2]
    assert [line.name for line in parse_note(note).signatures] == [head_of(vault)[0]]


def test_a_lost_record_of_what_was_shown(tree: Path, vault: Path, witness: StandIn) -> None:
    """One retry, with the size that the witness names."""
    sync(vault)
    (vault / "mesh" / "seen.json").unlink()
    grow(tree, vault, "new")
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"]) == (0, "cosigned")
    assert len(witness.requests) == 3


def test_after_a_day_it_is_shown_again(vault: Path, witness: StandIn) -> None:
    sync(vault)
    seen = vault / "mesh" / "seen.json"
    text = seen.read_text()
    at = int(text.split('"cosigned_at":')[1].split(",")[0])
    seen.write_text(text.replace(f'"cosigned_at":{at}', f'"cosigned_at":{at - 24 * 3600 - 1}'))
    assert sync(vault)[1]["nodes"][0]["state"] == "cosigned"
    assert witness.requests[1].startswith(f"old {head_of(vault)[1]}\n\n".encode())


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        ((404, b"who?\n", "text/plain"), "refused", "does not know this log"),
        ((403, b"no\n", "text/plain"), "refused", "does not trust the key"),
        ((503, b"later\n", "text/plain"), "refused", "cannot sign now (later)"),
        ((429, b"", "text/plain"), "refused", "busy"),
        ((302, b"", "text/plain"), "refused", "it answered 302"),
        ((200, b"", "text/plain"), "at fault", "no cosignature of its keys"),
        ((200, b"nonsense\n", "text/plain"), "at fault", "malformed"),
        ((200, b"x" * (65 << 10), "text/plain"), "unreachable", "over 64 KiB"),
        ((409, b"12\n", "text/x.tlog.size; charset=utf-8"), "at fault", "without the size"),
        ((409, b"0012\n", "text/x.tlog.size"), "at fault", "without the size"),
        ((422, b"bad\n", "text/plain"), "at fault", "shows no checkpoint"),
    ],
)
def test_what_a_witness_may_answer(
    vault: Path, witness: StandIn, answer: tuple[int, bytes, str], state: str, word: str
) -> None:
    witness.answer = answer
    code, found = sync(vault)
    node = found["nodes"][0]
    assert (node["state"], code) == (state, 1 if state == "at fault" else 3)
    assert word in node["reason"]
    assert found["fork"] is None
    listed = run("mesh", "list", vault=vault)
    assert (listed.code, word in " ".join(listed.out.split())) == (0, True)


def test_a_signature_of_another_key_does_not_count(vault: Path, witness: StandIn) -> None:
    other = StandIn("beta")
    with open_trace_for_reading(Vault(vault)) as ledger:
        witness.answer = (200, other.lines(ledger.checkpoint()), "text/plain")
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"], found["cosigned"]) == (1, "at fault", 0)


def test_a_forged_line_of_its_key(vault: Path, witness: StandIn) -> None:
    with open_trace_for_reading(Vault(vault)) as ledger:
        first, second = witness.lines(ledger.checkpoint()).splitlines(keepends=True)
    blob = bytearray(base64.b64decode(first.split(b" ")[2]))
    blob[-1] ^= 1
    forged = b" ".join([*first.split(b" ")[:2], base64.b64encode(blob) + b"\n"])
    witness.answer = (200, forged + second, "text/plain")
    assert sync(vault)[1]["nodes"][0]["state"] == "at fault"


def test_a_clock_that_is_wrong(vault: Path, witness: StandIn) -> None:
    witness.clock = 400
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"]) == (1, "at fault")
    assert "ahead of ours" in found["nodes"][0]["reason"]
    witness.held.clear()
    witness.clock = -3600
    assert sync(vault)[0] == 0
    (node,) = run("mesh", "list", "--json", vault=vault).json()["nodes"]
    assert -3605 <= node["skew_seconds"] <= -3595
    assert "behind ours" in run("mesh", "list", vault=vault).out


def test_a_slow_one_and_one_that_is_down(
    vault: Path, witness: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.delay = 7
    with standing_in(StandIn("beta")) as other:
        assert run("mesh", "add", *other.options, vault=vault).code == 0
        code, found = sync(vault)
    states = {each["node"]: each["state"] for each in found["nodes"]}
    assert (code, states) == (3, {"alpha": "unreachable", "beta": "cosigned"})
    assert "took too long" in found["nodes"][0]["reason"]
    (vault / "mesh" / "seen.json").unlink()
    witness.delay = 0
    code, found = sync(vault)
    states = {each["node"]: each["state"] for each in found["nodes"]}
    assert (code, states) == (3, {"alpha": "cosigned", "beta": "unreachable"})


def test_a_witness_that_forgot(tree: Path, vault: Path, witness: StandIn) -> None:
    sync(vault)
    before = dict(witness.held)
    grow(tree, vault, "new")
    sync(vault)
    witness.held = before  # a restored backup
    grow(tree, vault, "newer")
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"], found["fork"]) == (1, "rolled back", None)
    assert "now knows only" in found["nodes"][0]["reason"]


def test_a_witness_that_lies(vault: Path, witness: StandIn) -> None:
    """It refuses, and what it shows is of our tree: there is no fork."""
    sync(vault)
    (vault / "mesh" / "seen.json").unlink()
    witness.answer = (422, b"not consistent\n", "text/plain")
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"], found["fork"]) == (1, "at fault", None)
    assert "refused a proof that holds" in found["nodes"][0]["reason"]
    witness.show = b"gorillacomb/other\n3\nAAAA\n\n\xe2\x80\x94 x AAAAAAAA\n"
    assert sync(vault)[1]["nodes"][0]["state"] == "at fault"


def fork(tree: Path, vault: Path, home: Path) -> None:
    """Restore an older trace with its anchor, and append otherwise."""
    anchors = home / ".local" / "state" / "gorillacomb" / "anchors"
    kept = vault.with_name("kept")
    shutil.copytree(vault, kept / "vault")
    shutil.copytree(anchors, kept / "anchors")
    grow(tree, vault, "left")
    assert sync(vault)[0] == 0
    shutil.rmtree(anchors)
    shutil.copytree(kept / "anchors", anchors)
    for name in ("trace.db", "index.db"):
        for end in ("", "-wal", "-shm"):
            (vault / f"{name}{end}").unlink(missing_ok=True)
            if (kept / "vault" / f"{name}{end}").exists():
                shutil.copy(kept / "vault" / f"{name}{end}", vault / f"{name}{end}")
    (tree / "left").unlink()


@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_fork(tree: Path, vault: Path, witness: StandIn, own_home: Path, more: int) -> None:
    """Of fewer entries than were cosigned, as many, and more."""
    sync(vault)
    fork(tree, vault, own_home)
    for number in range(more):
        grow(tree, vault, f"right{number}")
    ours = head_of(vault)[1]
    ran = run("mesh", "sync", "--json", vault=vault)
    found = ran.json()
    assert (ran.code, found["nodes"][0]["state"]) == (1, "forked"), found
    listed = run("mesh", "list", "--json", vault=vault)
    (kept,) = listed.json()["forks"]
    assert listed.code == 1
    assert kept["sizes"][0] == ours
    assert kept["file"] == found["fork"]
    assert Path(kept["file"]).is_relative_to(own_home)
    refused_everywhere(tree, vault)
    assert run("trace", "adopt", vault=vault).code == 0
    (tree / "after").write_text("after")
    assert run("scan", tree, vault=vault).code == 0
    assert sync(vault)[1]["nodes"][0]["state"] == "cosigned"
    later = run("mesh", "list", vault=vault)  # it stays on record, and is history
    assert (later.code, "forked, before: " in later.out) == (0, True)


@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_fork_that_a_check_finds(
    tree: Path, vault: Path, witness: StandIn, own_home: Path, more: int
) -> None:
    sync(vault)
    fork(tree, vault, own_home)
    for number in range(more):
        grow(tree, vault, f"right{number}")
    ran = run("mesh", "check", "--json", vault=vault)
    assert (ran.code, ran.json()["logs"][0]["state"]) == (1, "forked"), ran.out
    refused_everywhere(tree, vault)


def refused_everywhere(tree: Path, vault: Path) -> None:
    """Nothing is appended to a log that forked."""
    (tree / "refused").write_text("refused")
    for words in (("scan", tree), ("keys", "rotate"), ("mark", "keep", tree / "refused")):
        ran: Ran = run(*words, vault=vault)
        assert ran.code == 4, (words, ran.out, ran.err)
        assert "contradict each other" in ran.err
        assert "trace adopt" in ran.err
    assert run("mesh", "sync", vault=vault).code == 1
    verified = run("trace", "verify", vault=vault)
    assert (verified.code, "forked" in verified.out) == (1, True), verified.out + verified.err


def test_a_rotation_is_shown_to_a_witness_that_trusts_the_old_key(
    tree: Path, vault: Path, witness: StandIn
) -> None:
    sync(vault)
    assert run("keys", "rotate", vault=vault).code == 0
    grow(tree, vault, "new")
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"]) == (0, "cosigned")
    both, new = (each.partition(b"\n\n")[2] for each in witness.requests[1:])
    assert [len(parse_note(each).signatures) for each in (both, new)] == [2, 1]


def test_the_policy_says_how_many_are_enough(tree: Path, vault: Path, witness: StandIn) -> None:
    assert sync(vault)[1]["quorum"] is None
    with standing_in(StandIn("beta")) as other:
        assert run("mesh", "add", *other.options, vault=vault).code == 0
        assert run("mesh", "policy", vault=vault).code == 2
        assert run("mesh", "policy", "--quorum", "3", vault=vault).code == 2
        ran = run("mesh", "policy", "--quorum", "2", "--json", vault=vault)
        assert (ran.code, ran.json()["witnesses"], ran.json()["quorum"]) == (0, 4, 2)
        found = sync(vault)[1]
        size = found["size"]
        assert (found["quorum"], found["synced_size"], found["cosigned"]) == (True, size, 2)
    grow(tree, vault, "new")
    code, found = sync(vault)  # one is down
    assert (code, found["quorum"], found["synced_size"]) == (3, False, size)
    text = run("mesh", "policy", vault=vault).stdout
    assert b"group quorum-of-nodes 2 alpha beta" in text
    other_vault = vault.with_name("other")
    assert run("scan", tree, vault=other_vault).code == 0
    file = vault.with_name("policy.txt")
    file.write_bytes(text)
    ran = run("mesh", "policy", file, vault=other_vault)
    assert (ran.code, "does not name the log" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a b", "--url=http://x"], "name"),
        (["ok", "--url=ftp://x"], "http or https"),
        (["ok", "--url=http://user@x"], "http or https"),
        (["ok", "--url=http://x/?q=1"], "http or https"),
        (["alpha", "--url=http://x"], "already"),
    ],
)
def test_what_is_not_a_node(vault: Path, witness: StandIn, words: list[str], message: str) -> None:
    keys = [f"--vkey={each}" for each in StandIn("beta").vkeys]
    ran = run("mesh", "add", *words, *keys, vault=vault)
    assert (ran.code, message in ran.err) == (2, True), ran.err
    assert len(run("mesh", "list", "--json", vault=vault).json()["nodes"]) == 1


def test_one_key_is_one_node(vault: Path, witness: StandIn) -> None:
    ran = run("mesh", "add", "beta", *witness.options[1:], vault=vault)
    assert (ran.code, "has that key already" in ran.err) == (2, True)
    assert run("mesh", "remove", "gamma", vault=vault).code == 2
    assert run("mesh", "remove", "alpha", "--json", vault=vault).json() == {"removed": "alpha"}
    assert run("mesh", "sync", vault=vault).code == 2


def test_what_a_node_gave_is_kept_when_the_round_is_interrupted(
    vault: Path, witness: StandIn
) -> None:
    with standing_in(StandIn("beta")) as slow:
        assert run("mesh", "add", *slow.options, vault=vault).code == 0
        assert run("mesh", "policy", "--quorum=2", vault=vault).code == 0
        slow.delay = 4
        syncing = start("mesh", "sync", vault=vault)
        assert until(lambda: (vault / "mesh" / "given" / "alpha").exists(), 30)
        syncing.send_signal(signal.SIGINT)
        end_of(syncing)
        slow.delay = 0
        code, found = sync(vault)
    assert (code, found["cosigned"], found["quorum"]) == (0, 2, True)
    assert len(witness.requests) == 1


def test_what_a_node_gave_is_asked_for_again_if_it_is_lost(vault: Path, witness: StandIn) -> None:
    sync(vault)
    (vault / "mesh" / "given" / "alpha").write_bytes(b"damaged")
    code, found = sync(vault)
    assert (code, found["nodes"][0]["state"], found["cosigned"]) == (0, "cosigned", 1)
    note = (vault / "mesh" / "given" / "alpha").read_bytes()
    names = {line.name for line in parse_note(note).signatures}
    assert names == {head_of(vault)[0], "witness.example/alpha"}


def test_after_a_rotation_the_policy_says_that_it_fits_no_more(
    vault: Path, witness: StandIn
) -> None:
    assert run("mesh", "policy", "--quorum=1", vault=vault).code == 0
    assert sync(vault)[1]["policy_trouble"] is None
    assert run("keys", "rotate", vault=vault).code == 0
    (vault.parent / "more").mkdir()
    (vault.parent / "more" / "x").write_text("more")
    assert run("scan", vault.parent / "more", vault=vault).code == 0
    ran = run("mesh", "sync", vault=vault)
    assert ran.code == 3
    assert "The policy does not fit the trace any more" in " ".join(ran.out.split())
    assert "mesh policy --quorum N" in " ".join(ran.out.split())
    assert run("mesh", "policy", "--quorum=1", vault=vault).code == 0
    found = sync(vault)[1]
    assert (found["policy_trouble"], found["quorum"]) == (None, True)


def test_a_node_with_new_keys_is_replaced(vault: Path, witness: StandIn) -> None:
    assert run("mesh", "policy", "--quorum=1", vault=vault).code == 0
    sync(vault)
    with standing_in(StandIn("beta")) as other:
        words = ("mesh", "add", "alpha", *other.options[1:])
        assert run(*words, vault=vault).code == 2
        assert run(*words, "--replace", vault=vault).code == 0
        (node,) = run("mesh", "list", "--json", vault=vault).json()["nodes"]
        assert (node["size"], node["vkeys"]) == (0, other.vkeys)
        assert sync(vault)[1]["nodes"][0]["state"] == "cosigned"
    assert run("mesh", "policy", "--quorum=1", vault=vault).code == 0
    ran = run("mesh", "remove", "alpha", vault=vault)
    assert "The policy still counts it" in ran.out


def test_a_closed_port_did_not_take_too_long(vault: Path, witness: StandIn) -> None:
    keys = [f"--vkey={each}" for each in StandIn("beta").vkeys]
    assert run("mesh", "add", "beta", "--url=http://127.0.0.1:1", *keys, vault=vault).code == 0
    code, found = sync(vault, "beta")
    assert (code, found["nodes"][0]["state"]) == (3, "unreachable")
    assert "refused" in found["nodes"][0]["reason"].lower()
