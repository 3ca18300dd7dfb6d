"""`-` is standard input wherever a document is read."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.stamping.trace import stamping_scan
from tests.support.run import command, environment, refused, run, shell
from tests.support.trees import make_tree, settle


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    top = make_tree(tmp_path / "Drive", {"a": {"x": "one" * 99}, "b": {"x": "one" * 99}})
    settle(top)
    stamping_scan(vault, top)
    return top


def test_checkpoints_proofs_and_keys(top: Path, vault: Path, tmp_path: Path) -> None:
    kept = run("trace", "checkpoint", vault=vault).stdout
    mailed = b"\xef\xbb\xbf" + kept.replace(b"\n", b"\r\n") + b"\r\n"
    for data in (kept, mailed):
        ran = run("trace", "verify", "--checkpoint", "-", "--json", vault=vault, stdin=data)
        assert (ran.code, ran.json()["checkpoint"]) == (0, "consistent")
    proof = run("trace", "prove", top / "a/x", vault=vault).stdout
    ran = run("trace", "verify", "--proof", "-", stdin=proof.replace(b"\n", b"\r\n"), vault=vault)
    assert (ran.code, ran.out[:7]) == (0, "Proved:")
    key = run("keys", "show", vault=vault).stdout
    path = tmp_path / "proof"
    path.write_bytes(proof)
    assert run("trace", "verify", "--proof", path, "--key", "-", stdin=key).code == 0
    quoted = b"".join(b"> " + line for line in kept.splitlines(keepends=True))
    refused(
        run("trace", "verify", "--checkpoint", "-", vault=vault, stdin=quoted),
        2,
        "The checkpoint that you kept is refused",
        "begin with >",
    )


def test_a_manifest(top: Path, vault: Path) -> None:
    path = top / "m.json"
    assert run("manifest", top, "-o", path, vault=vault).code == 0
    data = path.read_bytes()
    (top / "-").write_text("a file of that name is no manifest")
    for root, cwd in ((("--root", top), None), ((), top)):
        ran = run("verify", "-", *root, "--json", stdin=data, cwd=cwd, vault=vault)
        said = ran.json()
        assert (ran.code, said["ok"], said["signature"]) == (1, 2, "none")
        extra = {os.path.basename(each["path"]) for each in said["extra"]}
        assert extra == {"-", "m.json", "m.json.dsse"}
    ran = run("export", "-", "--format", "b3sum", stdin=data, vault=vault)
    assert (ran.code, ran.out.count("\n")) == (0, 2)
    refused(run("verify", "-", "--root", top, vault=vault), 2, "it is empty")


def test_a_plan(top: Path, vault: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    data = plan.read_bytes()
    ran = run("dedupe", "--apply", "-", "--dry-run", "--json", stdin=data, vault=vault)
    assert (ran.code, ran.json()["done"]) == (0, 1)
    mailed = b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")
    ran = run("dedupe", "--apply", "-", "--json", stdin=mailed, vault=vault)
    assert (ran.code, ran.json()["done"]) == (0, 1)
    for junk, words in ((b"", "it is empty"), (b"{\n", "line 1")):
        ran = run("dedupe", "--apply", "-", stdin=junk, vault=vault)
        refused(ran, 2, "Standard input is not a valid plan", words)


def test_a_review_asks_on_the_terminal(top: Path, vault: Path, tmp_path: Path) -> None:
    plan = tmp_path / "a plan.jsonl"
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    main, terminal = pty.openpty()
    try:
        # As the leader of a session, the child gets the first terminal that it opens as its own.
        script = 'exec 3<>"$0"; exec 3>&-; exec "$@"'
        words = [b"sh", b"-c", script.encode(), os.fsencode(os.ttyname(terminal))]
        with subprocess.Popen(
            [*words, *command("dedupe", "--review", "-")],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(vault),
            start_new_session=True,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(plan.read_bytes())
            process.stdin.close()
            for answer in (b"y\n", b"q\n"):
                said = b""
                while not said.endswith(b"(? explains): "):
                    part = os.read(process.stdout.fileno(), 65536)
                    assert part, said
                    said += part
                os.write(main, answer)
            assert process.wait(30) == 0
            assert process.stderr is not None and process.stderr.read() == b""
    finally:
        os.close(main)
        os.close(terminal)
    assert len((tmp_path / "plan.answers.jsonl").read_bytes().splitlines()) == 2


def test_an_envelope_is_not_taken_for_a_manifest(vault: Path, tmp_path: Path) -> None:
    """It says what it is, and which file to name."""
    top = make_tree(tmp_path / "top", {"a": "1"})
    manifest = tmp_path / "manifest.json"
    assert run("manifest", top, "-o", manifest, vault=vault).code == 0
    envelope = tmp_path / "manifest.json.dsse"
    for ran in (
        run("verify", "-", "--root", top, stdin=envelope.read_bytes(), vault=vault),
        run("verify", envelope, "--root", top, vault=vault),
    ):
        assert ran.code == 2
        assert "it is a DSSE envelope, which holds the signature of a manifest" in ran.err
        assert "Name the manifest itself: gorillacomb verify FILE." in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "-"), "it is empty"),
        (("trace", "verify", "--checkpoint", "-"), "not a signed note, or was truncated"),
        (("dedupe", "--apply", "-"), "it is empty"),
    ],
)
def test_a_standard_input_that_is_closed_is_empty(
    words: tuple[str, ...], said: str, top: Path, vault: Path
) -> None:
    ran = run(words=shell('exec "$@" <&-', *words), cwd=top, env=environment(vault))
    refused(ran, 2, said)
