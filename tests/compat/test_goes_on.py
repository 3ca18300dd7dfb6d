"""Today's code carries on with the vaults, drives and papers that earlier versions left.

Names and meanings of everything on disk and in JSON are part of the interface. What may differ from
what a fixture recorded is listed below, with the reason; a fixture itself is never changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from fixtures.compat import Fixture, fixtures
from fixtures.compat.build import there
from fixtures.compat.mounted import POINT
from fixtures.compat.readings import DRIVE, READINGS, answer, differences, recorded
from tests.compat.carried import Old, mounted, unpacked
from tests.support.run import Argument

_UNIQUE = {
    "rolled_up": "the same as unique, by folder",
    "unknown_extents": "copies of which nobody can tell whether they share blocks",
    "to_keep": "copies to keep that are in the folder",
    "planned_to_go": "copies that a plan has go",
    **dict.fromkeys(("quarantined_files", "quarantined_bytes"), "what waits in it"),
}
_FIGURES = "what a file with another name outside of the plan takes is not set aside with one name"
_VERIFY = {
    "suspect": "what differs where the file system may hide a change, and is not called damaged",
    "modes_compared": "false where the file system keeps no modes",
    "renamed[].cause": "how the two names differ, if in their spelling alone",
}
_FATE = {
    "runs": "what runs of dedupe did with the path",
    "kept_for": "what waits in quarantine because this, which is gone, was kept",
    "moved_to": "where a scan found what is no longer there",
    "left_ns": "when",
}
_EXPLAINED = {**_FATE, "marks": "what the user marked", "rules": "null unless asked for"}
_DONE = "of a run that was killed, what it did counts, not what it was about to do"
_FAMILIES = {
    "families": "folders with fewer than five files in common are in same_content or contained",
    "families[].last_work_ns": "when the user last worked on the one to keep",
    "families[].root": "the root that it is in",
    "families[].others[].own": "how many files only that copy has",
    "families[].others[].bytes": "how large that copy is",
    "families[].others[].files": "how many files that copy has",
    "families[].others[].last_work_ns": "when the user last worked on that copy",
    "families[].others[].root": "the root that it is in",
    "families[].others[].kept_more": "how many files only the one to keep has",
    "families[].others[].perhaps_damaged_paths": "files of one size and time that differ",
    "families[].others[].via": "which copy connects it with the family, if not the one to keep",
}
_SUSPECT = {
    "roots[].suspect": "why a root may not be what it was; null",
    "roots[].name": "what the user calls a root; null",
}
LATER: dict[str, dict[str, str]] = {
    "dedupe": {
        "warnings": "patterns of protect and prefer that match nothing",
        **dict.fromkeys(("bytes_set_aside", "step_list[].bytes"), _FIGURES),
        **dict.fromkeys(("step_list[].path", "step_list[].keep"), "the largest step is the first"),
        "pairs": "the steps by pair of folders",
        "copies": "what is copied for --collapse, which 0.1.0 does not have",
        "step_list[].kept_in": "where the files of a folder are kept, if not in `keep` alone",
        **dict.fromkeys(
            ("left_alone[].files", "left_alone[].bytes"),
            "what several rules keep in a project that is kept whole counts, not that of the last",
        ),
    },
    "dedupe --apply --dry-run": {"pairs": "the steps by pair of folders"},
    "compare": {
        "moved[].cause": "how the two names differ, if in their Unicode form alone",
        "respelled": "those pairs, with the ones whose contents differ",
        "modes_compared": "executable bits do not count where a file system keeps no modes",
        "perhaps_damaged": "changed files that have one size and time in both",
    },
    **dict.fromkeys(("verify", "verify, RSA"), _VERIFY),
    "dedupe --history": {"runs": "a run that was killed is listed too"},
    **dict.fromkeys(
        ("explain a file", "explain an odd name", "explain a damaged file", "explain a folder"),
        _EXPLAINED,
    ),
    "explain a folder": {
        **_EXPLAINED,
        "same_path": "what other copies of a folder around it have at its path; null",
        "copies[].kept_more": "how many files only the one to keep has",
        "copies[].perhaps_damaged_paths": "files of one size and time that differ",
    },
    **dict.fromkeys(("trace show", "trace show, moved"), _FATE),
    "status": {
        **_SUSPECT,
        "settings.rules": "the user's rules about which copy to keep",
        **dict.fromkeys(("quarantine[].files", "quarantine[].bytes"), _DONE),
    },
    "vault check": {
        "examined": "what doctor found of the volumes of its roots",
        "mesh": "what is wrong with the files of the mesh; null",
        "scrolls": "which scroll is missing or damaged; null",
        "tokens": "what is wrong with the tokens or their keys; null",
    },
    "roots list": _SUSPECT,
    "folders": _FAMILIES,
    "folders of a project": _FAMILIES,
    "unique": _UNIQUE,
    "unique, nothing lost": _UNIQUE,
    "pulse": {
        **dict.fromkeys(
            ("state", "age_seconds", "sequence", "size", "root"),
            "what is also in the last pulse or under another name, as all documents name it",
        ),
        "age_ns": "null where the machine was started since that pulse, as it mostly was",
    },
}
"""By reading, places that differ from all fixtures so far, and why: ``{"status": {"a[].b": ""}}``.

A new key is listed here, and a value that a mended rule made another. A missing or renamed key must
not be.
"""

LATER_IN_A_STAMP = {"rules": "the version of the rules that chose the file; 0.1.0 ignores it"}
"""Fields of a stamp that the fixtures do not have, and why a verifier of then does not mind."""

_CLOCK = "the age of a run by a clock that nobody sets; 0.1.0 ignores it"
LATER_IN_A_JOURNAL = {
    "intent move parent_mtime_ns": "so a folder gets its time back after a kill; 0.1.0 reads it",
    "header boot_id": _CLOCK,
    "header uptime_ns": _CLOCK,
    **dict.fromkeys(
        ("intent emptied", "done emptied"),
        "a folder that the run emptied; 0.1.0 puts it back like any other",
    ),
    **dict.fromkeys(
        ("intent kept_in", "done kept_in", "intent system_files", "done system_files"),
        "what the history says of it; 0.1.0 ignores it",
    ),
    **dict.fromkeys(
        ("intent path", "intent top", "intent slot", "intent blake3"),
        "a file that was dropped: only runs of `drop`, which 0.1.0 does not have, and reports",
    ),
}
"""Keys of a journal that the fixtures do not have, and why a version of then does not mind."""

FIXTURES = fixtures()
ROOTS = {
    **dict.fromkeys(("applied", "hardlink", "symlink", "repair"), "Drive"),
    **dict.fromkeys(("purged", "half purged"), "Drive"),
    **dict.fromkeys(("undone", "half undone"), "Phone"),
    "half applied": "Camera",
}


@pytest.fixture(params=FIXTURES, ids=lambda each: each.name)
def fixture(request: pytest.FixtureRequest) -> Fixture:
    found: Fixture = request.param
    return found


@pytest.fixture
def old(fixture: Fixture, tmp_path: Path) -> Iterator[Old]:
    with mounted(fixture, tmp_path) as found:
        yield found


@pytest.fixture
def offline(fixture: Fixture, tmp_path: Path) -> Old:
    return unpacked(fixture, tmp_path / "unpacked")


@pytest.fixture(scope="module", params=FIXTURES, ids=lambda each: each.name)
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Ask all reading commands, two at a time; they change nothing."""
    fixture: Fixture = request.param
    names = [name for name in READINGS if name in fixture.answers["mounted"]]
    with mounted(fixture, tmp_path_factory.mktemp("read")) as old:
        before = state_of(old)
        found = read_all(old, names)
        assert state_of(old) == before
    return Answers(found, fixture.answers["mounted"])


@pytest.fixture(scope="module", params=FIXTURES, ids=lambda each: each.name)
def read_offline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """Ask the same on another machine, to which the drives are not connected."""
    fixture: Fixture = request.param
    then = fixture.answers["mounted"] | fixture.answers["unpacked"]
    names = [name for name, reading in READINGS.items() if reading.unpacked and name in then]
    found = read_all(unpacked(fixture, tmp_path_factory.mktemp("read") / "unpacked"), names)
    return Answers(found, then)


@dataclass(frozen=True)
class Answers:
    """Answers by the name of the reading."""

    now: dict[str, Any]
    then: dict[str, Any]

    def check(self, name: str) -> None:
        """Fail where today's answer differs from the recorded one."""
        if name not in self.now:
            return  # the command is younger than the fixture
        then, now = (recorded(READINGS[name], each[name]) for each in (self.then, self.now))
        wrong = {
            f"{place}: {how}"
            for place, how in differences(then, now)
            if place.removeprefix("json.") not in LATER.get(name, {})
        }
        assert not wrong, "\n".join(sorted(wrong))


def read_all(old: Old, names: list[str]) -> dict[str, Any]:
    def read_one(name: str) -> dict[str, Any]:
        reading, arguments = READINGS[name], READINGS[name].arguments
        if old.before is None:
            arguments = tuple(there(each, old.top) for each in arguments)
        ran = old.run(*arguments)
        output = ran.stdout.replace(os.fsencode(old.point), os.fsencode(POINT))
        return answer(reading, ran.code, output)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(read_one, names), strict=True))


def state_of(old: Old) -> list[Any]:
    """Describe the drives and every file of the vault, the keys and the papers.

    Without what later versions remember of checks, in a folder of its own.
    """
    digests = {
        str(path.relative_to(old.top)): hashlib.sha256(path.read_bytes()).digest()
        for folder in ("home", "papers")
        for path in sorted((old.top / folder).rglob("*"))
        if path.is_file() and not path.name.endswith("-shm") and "checks" not in path.parts
    }
    return [digests, *map(old.look, ("Drive", "Phone", "Camera"))]


@pytest.mark.parametrize("name", READINGS)
def test_reading(name: str, read: Answers) -> None:
    read.check(name)


@pytest.mark.parametrize("name", [name for name, each in READINGS.items() if each.unpacked])
def test_reading_without_the_drives(name: str, read_offline: Answers) -> None:
    read_offline.check(name)


def same_tables(old: Old) -> None:
    """Fail when a table differs though the version of its database does not."""
    now = old.tables()
    for name, then in old.fixture.answers["schema"].items():
        assert now[name]["version"] >= then["version"]
        if now[name]["version"] == then["version"]:
            assert now[name]["tables"] == then["tables"], name


def sound(old: Old) -> None:
    """Fail unless the trace is whole, and continues the one that the fixture has."""
    then = old.point / "papers/export/checkpoint"
    document = old.json("trace", "verify", "--checkpoint", then)
    assert (document["ok"], document["reason"]) == (True, None)


def test_the_tables(offline: Old) -> None:
    assert offline.tables() == offline.fixture.answers["schema"], "the fixture was changed"


def test_a_scan_reads_nothing_and_appends_nothing(old: Old) -> None:
    before = old.trace()
    sound(old)
    # The kills left the index behind by two files that came back and one that was set aside.
    expected = {"Drive": (0, 0, 0), "Phone": (2, 2, 0), "Camera": (0, 0, 1)}
    for root, counts in expected.items():
        document = old.json("scan", old.point / root, code=1 if root == "Drive" else 0)
        document["hashed_files"] -= document["read_again_young"]  # just written when it was read
        assert tuple(document[key] for key in ("hashed_files", "new", "gone")) == counts, root
    after = old.trace()
    assert after == before
    sound(old)
    same_tables(old)


def test_a_drive_at_another_mount_point(fixture: Fixture, tmp_path: Path) -> None:
    with mounted(fixture, tmp_path, POINT.with_name("elsewhere")) as old:
        roots = {each["path"]: each for each in old.json("roots", "list")["roots"]}
        assert {path: each["online"] for path, each in roots.items()} == {
            f"{POINT}/{root}": False for root in ("Drive", "Phone", "Camera")
        }
        document = old.json("scan", old.point / "Drive", code=1)
        assert (document["new"], document["gone"]) == (0, 0), document
        now = {each["path"]: each for each in old.json("roots", "list")["roots"]}
        assert now.keys() == {f"{old.point}/Drive", f"{POINT}/Phone", f"{POINT}/Camera"}
        assert now[f"{old.point}/Drive"]["online"] is True
        assert now[f"{old.point}/Drive"]["root"] == roots[DRIVE]["root"]
        sound(old)
        # Journals do not depend on where the drive is mounted; plans do.
        ran = old.run("dedupe", "--apply", old.point / "papers/plan.jsonl")
        assert ran.code == 3, ran
        check_undone(old, "applied")


def moved(old: Old, name: str) -> dict[str, dict[str, Any]]:
    """Return the last line of each step in a journal that says what moved, by step."""
    return {each["step"]: each for each in old.journal(ROOTS[name], name) if "moves" in each}


def path_of(document: dict[str, Any]) -> str:
    """Return a path of a journal in the form in which `look` shows it."""
    if "path" in document:
        return str(document["path"])
    return base64.b64decode(document["path_b64"]).decode(errors="backslashreplace")


def check_undone(old: Old, name: str, named: Argument | None = None) -> None:
    """Undo a run; everything that it moved is as it was before, byte for byte."""
    root = ROOTS[name]
    paths = [path_of(move) for step in moved(old, name).values() for move in step["moves"]]
    assert paths
    before = old.fixture.answers["before"][root]
    document = old.json("dedupe", "--undo", old.names[name] if named is None else named)
    assert (document["run"], document["failed"]) == (old.names[name], [])
    assert old.aside(root, name) == []
    now = old.look(root)
    for path in paths:
        then = {each: before[each] for each in before if f"{each}/".startswith(f"{path}/")}
        assert then
        if old.before is None:  # an archive holds no attributes
            then = {each: {**facts, "attributes": {}} for each, facts in then.items()}
        assert {each: now.get(each) for each in then} == then, path


def test_an_old_plan_is_applied_and_undone(old: Old) -> None:
    before = old.look("Drive")
    plan = old.point / "papers/plan.jsonl"
    header, *steps = map(json.loads, (old.top / "papers/plan.jsonl").read_bytes().splitlines())
    assert header["steps"] == len(steps) > 0
    done = old.json("dedupe", "--apply", plan)
    assert (done["done"], done["skipped"], done["failed"]) == (len(steps), [], [])
    assert done["bytes_set_aside"] == header["bytes_set_aside"]
    for step in steps:
        inner = os.path.relpath(step["path"], DRIVE)
        assert inner in before
        assert inner not in old.look("Drive")
    entry = old.trace()[len(old_entries(old))]
    assert (entry["event"], entry["run"], entry["plan"]) == ("applied", done["run"], header["plan"])
    sound(old)
    same_tables(old)
    assert old.json("dedupe", "--apply", plan)["done_before"] == len(steps)
    undone = old.json("dedupe", "--undo", done["run"])
    assert (undone["done"], undone["failed"]) == (len(steps), [])
    assert old.look("Drive") == before


def old_entries(old: Old) -> list[bytes]:
    """Read the entries that the trace had when the fixture was made, as they were signed."""
    return (old.top / "papers/export/entries.jsonl").read_bytes().splitlines()


@pytest.mark.parametrize("name", ["applied", "hardlink", "symlink"])
def test_an_applied_run_is_undone(name: str, old: Old) -> None:
    check_undone(old, name)
    entry = old.trace()[len(old_entries(old))]
    assert (entry["event"], entry["run"]) == ("undone", old.names[name])
    sound(old)
    same_tables(old)


def test_a_repair_is_undone(old: Old) -> None:
    [step] = moved(old, "repair").values()
    [move] = step["moves"]
    path = old.top / "Drive" / move["path"]
    assert blake3(path.read_bytes()).hexdigest() == move["good"]
    document = old.json("dedupe", "--undo", old.names["repair"])
    assert (document["done"], document["failed"]) == (1, [])
    assert blake3(path.read_bytes()).hexdigest() == move["damaged"]
    assert str(path.stat().st_mtime_ns) == move["mtime_ns"]
    sound(old)


def test_a_known_damage_is_accepted(old: Old) -> None:
    media = old.point / "Drive/Media"
    [damaged] = old.json("scrub", media, code=1)["damaged"]
    assert (damaged["path"], damaged["state"]) == (str(media / "song.bin"), "damaged")
    assert old.run("scrub", "--accept", media / "song.bin").code == 0
    assert old.json("scrub", media)["damaged"] == []
    sound(old)


def test_a_run_that_was_half_undone_is_undone(old: Old) -> None:
    states = {each["step"]: each["event"] for each in old.journal("Phone", "half undone")[1:]}
    assert sorted(states.values()) == ["done", "done", "done", "undone"]
    assert old.aside("Phone", "half undone") == ["s1", "s2"], "the third is back, but not noted"
    check_undone(old, "half undone")
    states = {each["step"]: each["event"] for each in old.journal("Phone", "half undone")[1:]}
    assert set(states.values()) == {"undone"}
    sound(old)


def test_a_run_that_was_half_applied_is_undone(old: Old) -> None:
    assert {each.get("event") for each in old.journal("Camera", "half applied")} == {None, "intent"}
    assert len(old.aside("Camera", "half applied")) == 1
    check_undone(old, "half applied")
    assert old.look("Camera").keys() == old.fixture.answers["before"]["Camera"].keys()
    sound(old)


def test_a_run_that_was_half_applied_is_applied(old: Old) -> None:
    plan = old.point / "papers/half applied.jsonl"
    document = old.json("dedupe", "--apply", plan)
    assert (document["done"], document["skipped"], document["failed"]) == (3, [], [])
    assert len(document["recovered"]) == 3
    undone = old.json("dedupe", "--undo", document["run"])
    assert (undone["done"], undone["failed"]) == (3, [])
    now, before = old.look("Camera"), old.fixture.answers["before"]["Camera"]
    files = {path for path, facts in before.items() if facts["content"] is not None}
    assert {path: now[path] for path in files} == {path: before[path] for path in files}
    sound(old)


def test_a_quarantine_is_emptied(old: Old) -> None:
    run = old.names["applied"]
    document = old.json("dedupe", "--empty-quarantine", run, "--yes")
    assert old.aside("Drive", "applied") == [], document
    assert {each["event"] for each in old.journal("Drive", "applied")[1:]} == {
        *("intent", "done", "purging", "purged"),
    }
    assert old.trace()[-1]["event"] == "purged"
    sound(old)


def test_a_quarantine_that_was_half_emptied_is_emptied(old: Old) -> None:
    assert [each["event"] for each in old.journal("Drive", "half purged")[1:]] == [
        *("intent", "done", "purging"),
    ]
    old.json("dedupe", "--empty-quarantine", old.names["half purged"], "--yes")
    assert old.aside("Drive", "half purged") == []
    assert old.journal("Drive", "half purged")[-1]["event"] == "purged"
    sound(old)


def test_a_run_that_was_half_purged_is_undone_as_far_as_possible(old: Old) -> None:
    document = old.json("dedupe", "--undo", old.names["half purged"], code=3)
    assert (document["done"], len(document["failed"])) == (1, 1)
    assert old.aside("Drive", "half purged") == []
    now, before = old.look("Drive"), old.fixture.answers["before"]["Drive"]
    back = sorted(path for path in now if path.startswith("Spare/Tour/"))
    assert len(back) == 2
    assert {path: now[path] for path in back} == {path: before[path] for path in back}
    sound(old)


@pytest.mark.parametrize("name", ["applied", "half undone", "half applied"])
def test_a_run_is_undone_from_its_folder_alone(name: str, offline: Old, tmp_path: Path) -> None:
    """On another machine: other inodes, another path, no vault."""
    alone = Old(offline.fixture, offline.top, tmp_path / "nobody")
    check_undone(alone, name, alone.top / alone.run_folder(ROOTS[name], name))


def test_journals(offline: Old) -> None:
    """Check keys and states without any code of ours."""
    for name in offline.names:
        header, *lines = offline.journal(ROOTS[name], name)
        assert header.keys() == {
            *("version", "run", "plan", "action", "base", "started_ns", "noise"),
        }
        assert (header["version"], header["run"]) == (1, offline.names[name])
        for line in lines:
            assert {"step", "event", "time_ns"} <= line.keys()
    kinds = [each for name in offline.names for each in offline.journal(ROOTS[name], name)[1:]]
    assert {each["event"] for each in kinds} == {"intent", "done", "undone", "purging", "purged"}


def test_a_new_journal_has_the_keys_of_the_old_one(old: Old) -> None:
    def keys(lines: list[dict[str, Any]]) -> set[str]:
        found = {f"header {key}" for key in lines[0]}
        for line in lines[1:]:
            found |= {f"{line['event']} {key}" for key in line}
            for move in line.get("moves", ()):
                found |= {f"{line['event']} move {key.removesuffix('_b64')}" for key in move}
        return found

    then = keys(old.journal("Drive", "applied"))
    done = old.json("dedupe", "--apply", old.point / "papers/plan.jsonl")
    path = old.top / "Drive/.gorillacomb/quarantine" / done["run"] / "journal.jsonl"
    now = keys([json.loads(line) for line in path.read_bytes().splitlines()])
    assert then <= now <= then | LATER_IN_A_JOURNAL.keys()


def test_a_new_plan_has_the_keys_of_the_old_one(old: Old) -> None:
    then = list(map(json.loads, (old.top / "papers/plan.jsonl").read_bytes().splitlines()))
    ran = old.run("dedupe", "--plan", "--within", f"{DRIVE}/Old", "-o", "-")
    assert ran.code == 0, ran
    now = list(map(json.loads, ran.stdout.splitlines()))
    assert [each.keys() for each in now] == [each.keys() for each in then]
    changed = {"plan", "made_ns"}
    assert {key for key in then[0] if now[0][key] != then[0][key]} == changed
    assert [(each["path"], each["keep"], each["bytes"]) for each in now[1:]] == [
        (each["path"], each["keep"], each["bytes"]) for each in then[1:]
    ]


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def root_of(entries: list[bytes]) -> bytes:
    """Compute the tree head of RFC 6962, 2.1."""
    if len(entries) == 1:
        return leaf(entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    halves = root_of(entries[:split]) + root_of(entries[split:])
    return hashlib.sha256(b"\1" + halves).digest()


def check_export(folder: Path) -> list[bytes]:
    """Recompute chain and root of an export, as anybody can; returns its entries."""
    entries = (folder / "entries.jsonl").read_bytes().splitlines()
    before = "0" * 64
    for number, entry in enumerate(entries):
        fields = json.loads(entry)
        assert (fields["seq"], fields["prev"]) == (number, before)
        before = leaf(entry).hex()
    _, size, root, *_ = (folder / "checkpoint").read_text().splitlines()
    assert int(size) == len(entries)
    assert base64.b64decode(root) == root_of(entries)
    return entries


def test_an_export_of_the_trace(offline: Old, tmp_path: Path) -> None:
    """The old one is right, and today's is the same byte for byte."""
    then = offline.top / "papers/export"
    entries = check_export(then)
    assert offline.run("trace", "export", tmp_path / "export").code == 0
    assert check_export(tmp_path / "export") == entries
    assert (tmp_path / "export/checkpoint").read_bytes() == (then / "checkpoint").read_bytes()
    events = {json.loads(entry)["event"] for entry in entries}
    assert events == {
        *("genesis", "root", "stamp", "restamp", "moved", "retire", "damaged", "repaired"),
        *("applied", "undone", "purged", "rotate-key"),
    }


def test_a_trace_goes_on(old: Old, tmp_path: Path) -> None:
    """New entries follow the old ones; what was signed is not touched."""
    then = old_entries(old)
    (old.top / "Drive/Documents/new.txt").write_text("written by a later version\n" * 9)
    old.run("scan", old.point / "Drive")
    export = old.point / "papers/now"
    assert old.run("trace", "export", export).code == 0
    now = check_export(old.top / "papers/now")
    assert now[: len(then)] == then
    assert [json.loads(each)["event"] for each in now[len(then) :]] == ["stamp"]
    known = next(fields for fields in map(json.loads, then) if fields["event"] == "stamp")
    assert json.loads(now[-1]).keys() == known.keys() | LATER_IN_A_STAMP.keys()
    sound(old)
    same_tables(old)


def test_a_manifest_made_now_says_the_same(old: Old) -> None:
    new = old.point / "papers/new.json"
    assert old.run("manifest", old.point / "Drive/Projects/HealthTrack", "-o", new).code == 0
    then, now = (
        json.loads((old.top / "papers" / name).read_bytes())
        for name in ("manifest.json", "new.json")
    )
    assert now["subject"] == then["subject"]
    assert now["_type"] == then["_type"]
    assert now["predicateType"] == then["predicateType"]
    assert now["predicate"].keys() == then["predicate"].keys()
    assert now["predicate"]["files"] == then["predicate"]["files"]
    sound(old)


def test_keys_are_rotated_and_the_vault_backed_up(old: Old) -> None:
    shown = old.run("keys", "show").out.splitlines()
    old.json("keys", "rotate")
    assert old.run("keys", "show").out.splitlines()[:-1] == shown
    assert old.json("vault", "backup", old.point / "papers/backup")
    assert {"index.db", "trace.db"} <= set(os.listdir(old.top / "papers/backup"))
    sound(old)
