"""Every report ends with what to do next: a command that can be typed as it is, and does something.

The commands are taken from what was printed, read by a shell, and run.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from gorillacomb.api.next_step.step import NextStep, shell_word
from gorillacomb.vault.vault import Vault
from tests.support.run import Argument, lines_on_screen, on_terminal, run
from tests.support.trees import Tree, age_digests, make_tree, settle

CHOICES = {b"PATH", b"PUB"}
"""Words that stand for what only the user knows."""
CHANGES = {
    b"--undo",
    b"--apply",
    b"--empty-quarantine",
    b"--repair",
    b"--accept",
    b"--review",
    b"--plan",
}
"""Options of commands that write files, or ask: the tests below try those one by one."""
ALBUM: Tree = {f"{number}": f"{number}" * 3000 for number in range(8)}
TREE: Tree = {"it's": ALBUM, "it's (1)": {**ALBUM, "own": "own" * 100}, "a": "loose" * 200}


def next_commands(text: str) -> list[str]:
    """The commands that a report ends with."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Next: ")]
    if not starts:
        return []
    [start] = starts
    told = lines[start:]
    assert all(re.match("(Next:|     ) gorillacomb ", line) for line in told), text
    return [re.split(r"   +", line[6:])[0] for line in told]


def words_of(command: str) -> list[bytes]:
    """The words of a command, as bash passes them on."""
    script = f"gorillacomb() {{ printf '%s\\0' \"$@\"; }}; {command}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return done.stdout.split(b"\0")[:-1]


def asked(*words: Argument, vault: Path, code: int = 0, cwd: Path | None = None) -> list[str]:
    """Run a command; what its report ends with. All of that is tried that only reads."""
    ran = run(*words, vault=vault, cwd=cwd)
    assert ran.code == code, (words, ran.out, ran.err)
    found = next_commands(ran.out)
    for each in found:
        typed = words_of(each)
        if CHOICES.isdisjoint(typed) and CHANGES.isdisjoint(typed):
            done = run(*typed, vault=vault, cwd=cwd)
            assert done.code in (0, 1), (each, done.err)
            assert not done.err, (each, done.err)
    return found


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    made = make_tree(tmp_path / "my drive", TREE)
    settle(made)
    assert run("scan", made, vault=vault).code == 0
    age_digests(vault)
    return made


def test_finding_leads_to_removing(top: Path, tmp_path: Path, vault: Path) -> None:
    """From the scan on, each report names the command that is next."""
    copy, keep = shell_word(top / "it's"), shell_word(top / "it's (1)")
    assert asked("scan", top, vault=vault) == [
        "gorillacomb overview",
        "gorillacomb folders",
        "gorillacomb dupes",
        "gorillacomb dedupe",
    ]
    [comparison, collapse] = asked("folders", vault=vault)
    assert collapse in [f"gorillacomb dedupe --plan --collapse {each}" for each in (copy, keep)]
    assert sorted(words_of(comparison)[1:]) == sorted(
        [bytes(top / "it's"), bytes(top / "it's (1)")]
    )
    assert asked("dupes", vault=vault) == ["gorillacomb folders", "gorillacomb dedupe"]
    assert asked("dupes", top / "it's", vault=vault) == [f"gorillacomb dedupe --within {copy}"]
    assert asked("compare", top / "it's", top / "it's (1)", vault=vault, code=1) == [
        f"gorillacomb compare {copy} {keep} --contents",
        f"gorillacomb unique {copy}",
    ]
    contents = ("compare", top / "it's", top / "it's (1)", "--contents")
    assert asked(*contents, vault=vault, code=1) == [
        f"gorillacomb unique {copy}",
        f"gorillacomb compare {copy} {keep} --contents --files --all",
    ]
    assert asked("unique", top / "it's", vault=vault) == []  # it is the one to keep
    assert asked("unique", top / "it's (1)", vault=vault, code=1) == [
        f"gorillacomb dedupe --within {keep} --retire {keep}"
    ]
    assert asked("explain", top / "it's", vault=vault)[-1] == f"gorillacomb dedupe --within {copy}"
    [write] = asked("dedupe", "--within", top, "--keep", "1", vault=vault, cwd=tmp_path)
    assert words_of(write) == [
        *(b"dedupe", b"--within", b"my drive", b"--keep", b"1", b"--plan", b"-o", b"plan.jsonl")
    ]


def test_a_plan_leads_to_its_run_and_back(top: Path, tmp_path: Path, vault: Path) -> None:
    [write] = asked("dedupe", vault=vault, cwd=tmp_path)
    [_, apply] = next_commands(run(*words_of(write), vault=vault, cwd=tmp_path).out)
    assert apply == "gorillacomb dedupe --apply plan.jsonl"
    [other] = asked("dedupe", vault=vault, cwd=tmp_path)
    assert other.endswith("-o plan-2.jsonl"), "one that exists is not overwritten"
    rehearsed = asked(*words_of(apply), "--dry-run", vault=vault, cwd=tmp_path)
    assert rehearsed == [apply]
    [undo, purge] = asked(*words_of(apply), vault=vault, cwd=tmp_path)
    assert asked("status", vault=vault)[-1] == "gorillacomb dedupe --empty-quarantine"
    [item] = asked("dedupe", "--history", vault=vault)
    assert next_commands(run(*words_of(item), vault=vault).out)[0] == undo
    assert asked(*words_of(undo), vault=vault) == ["gorillacomb dedupe"]
    assert (top / "it's").exists() and (top / "it's (1)").exists()
    [undo, purge] = asked(*words_of(apply), vault=vault, cwd=tmp_path)
    assert asked(*words_of(purge), "--yes", vault=vault) == ["gorillacomb status"]
    assert asked("dedupe", vault=vault) == [], "nothing is left to remove"
    assert undo


def test_nothing_is_duplicated(tmp_path: Path, vault: Path) -> None:
    """There is nothing to plan then, and no report says that there is."""
    top = make_tree(tmp_path / "top", {"a": "1" * 100, "b": {"c": "2" * 100}})
    settle(top)
    for words, code, expected in (
        (("scan", top), 0, ["gorillacomb scan PATH", "gorillacomb status"]),
        (("dupes",), 0, []),
        (("folders",), 0, []),
        (("dedupe",), 0, []),
        (("status",), 0, ["gorillacomb scan"]),
        (("unique", top / "b"), 1, []),
        (("explain", top / "b"), 0, []),
        (("explain", top / "a"), 0, []),
        (("compare", top / "b", top / "b"), 0, []),
        (("dedupe", "--history"), 0, []),
    ):
        found = asked(*words, vault=vault, code=code)
        assert found == expected, words
        assert not any("dedupe" in each for each in found)


def test_roots_and_status(top: Path, tmp_path: Path, vault: Path) -> None:
    assert asked("roots", "list", vault=vault) == ["gorillacomb scan"]
    other = make_tree(tmp_path / "other", {"x": "1"})
    settle(other)
    assert run("scan", other, vault=vault).code == 0
    [_, comparison] = asked("roots", "list", vault=vault)
    assert words_of(comparison) == [b"compare", bytes(top), bytes(other), b"--contents"]
    assert asked("status", vault=vault) == ["gorillacomb folders", "gorillacomb dedupe"]
    for root in (top, other):
        assert run("roots", "forget", root, vault=vault).code == 0
    assert asked("roots", "list", vault=vault) == ["gorillacomb scan PATH"]
    assert asked("status", vault=vault) == ["gorillacomb scan PATH"]


def test_what_was_never_scanned(tmp_path: Path, vault: Path) -> None:
    a, b = make_tree(tmp_path / "a", {"x": "1"}), make_tree(tmp_path / "-b", {"x": "2"})
    settle(tmp_path)
    [scan] = asked("compare", "a", "./-b", vault=vault, code=1, cwd=tmp_path)
    assert words_of(scan) == [b"scan", b"a", b"./-b"]
    assert asked("compare", a, b, vault=vault, code=1) != [scan], "both are known now"


def test_a_manifest_and_what_differs_from_it(top: Path, tmp_path: Path, vault: Path) -> None:
    file = tmp_path / "manifest.json"
    [verify] = asked("manifest", top, "-o", file, "--no-sign", vault=vault)
    assert run(*words_of(verify), vault=vault).code == 0
    (top / "a").write_text("edited" * 200)
    [explain] = asked(*words_of(verify), vault=vault, code=1)
    assert words_of(explain) == [b"explain", bytes(top / "a")]
    (top / "a").write_text("loose" * 200)
    assert asked(*words_of(verify), vault=vault) == []


def test_damage(top: Path, vault: Path) -> None:
    path = top / "it's/1"
    facts = path.stat()
    path.write_text("x" * 3000)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    found = asked("scrub", vault=vault, code=1)
    assert [words_of(each) for each in found] == [
        [b"scrub", b"--repair", bytes(path)],
        [b"scrub", b"--accept", bytes(path)],
    ]
    assert run(*words_of(found[0]), vault=vault).code == 0
    assert path.read_text() == "1" * 3000
    assert asked("scrub", vault=vault) == []


def test_what_a_scan_suspects_can_be_accepted(top: Path, vault: Path) -> None:
    """A repair would leave it alone."""
    path = top / "a"
    facts = path.stat()
    path.write_text("tight" * 200)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    settle(top)
    [explain, accept] = asked("scan", top, vault=vault, code=1)
    assert words_of(explain) == [b"explain", bytes(path)]
    assert words_of(accept) == [b"scrub", b"--accept", bytes(path)]
    assert run(*words_of(accept), vault=vault).code == 0
    assert run("scan", top, vault=vault).code == 0


def test_another_vault_is_named(top: Path, tmp_path: Path, vault: Path) -> None:
    other = tmp_path / "my vault"
    settle(top)
    ran = run("scan", top, "--vault", other, vault=vault)
    assert next_commands(ran.out)[0] == f"gorillacomb overview --vault '{other}'"
    assert run(*words_of(next_commands(ran.out)[0]), vault=vault).code == 0


@pytest.mark.parametrize(
    "name", [b"plain", b"it's", b"a b", b"$HOME", b"`id`", b"\xff\n'", b"-x", "é".encode(), b"~"]
)
def test_any_name_comes_through_a_shell(name: bytes, vault: Path) -> None:
    command = NextStep(("unique", b"/data/" + name), "").command(Vault(vault))
    assert words_of(command)[:2] == [b"unique", b"/data/" + name]


def test_a_command_is_whole_on_any_terminal(tmp_path: Path, vault: Path) -> None:
    """What it is for is left out where there is no room: a shortened path leads nowhere."""
    same: Tree = {"x": "1" * 99}
    top = make_tree(tmp_path / ("long name " * 12).strip(), {"a": same, "b": same})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    ran = on_terminal("unique", top / "b", vault=vault)
    last = lines_on_screen(ran.stdout)[-1]
    path = shell_word(top / "b")
    assert last == f"Next: gorillacomb dedupe --within {path} --retire {path}"


def test_documents_have_none(top: Path, vault: Path) -> None:
    for words in (("dupes",), ("folders",), ("status",), ("unique", top / "it's"), ("dedupe",)):
        assert b"Next" not in run(*words, "--json", vault=vault).stdout


def test_a_drifted_copy_leads_to_the_command_that_retires_it(vault: Path, tmp_path: Path) -> None:
    """Complete and quoted, and only about that copy; asked again, it is not suggested again."""
    app: Tree = {**ALBUM, "package.json": "{}" * 99}
    trees: Tree = {"app": {**app, "a": "a" * 900}, "it's a copy": {**app, "b": "b" * 900}}
    top = make_tree(tmp_path / "my drive", trees)
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    retire = asked("dedupe", vault=vault)[-1]
    name = bytes(top / "it's a copy")
    assert words_of(retire) == [b"dedupe", b"--within", name, b"--retire", name]
    [write] = asked(*words_of(retire), vault=vault, cwd=tmp_path)
    assert words_of(write)[-3:] == [b"--plan", b"-o", b"plan.jsonl"]
