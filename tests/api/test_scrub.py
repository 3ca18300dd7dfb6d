"""Files are read again, accepted and repaired from Python as by `gorillacomb scrub`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import gorillacomb
from tests.dedupe.acting import of_leases
from tests.support.run import run
from tests.support.trees import age_digests, make_tree, settle

GOOD = "good" * 50
BAD = "evil" * 50


@pytest.fixture
def drive(tmp_path: Path, vault: Path) -> Path:
    top = make_tree(tmp_path / "drive", {"a": {"x": GOOD, "y": "2" * 300}, "b": {"copy": GOOD}})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    age_digests(vault)
    return top


def damage(path: Path, content: str = BAD) -> None:
    """Give a file other content of the same length and its old times: a suspect."""
    facts = path.stat()
    assert len(content) == facts.st_size
    path.write_text(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_what_is_sound(drive: Path, vault: Path) -> None:
    seen: list[int] = []
    result = gorillacomb.open_vault(vault).scrub(progress=lambda event: seen.append(event.files))
    assert (result.files, result.due, result.size) == (3, 3, 2 * len(GOOD) + 300)
    assert (result.damaged, result.unreadable, result.exit_code) == ((), (), 0)
    assert not result.is_interrupted
    assert seen
    assert run("scrub", "--json", vault=vault).json().keys() == result.to_dict().keys()


def test_damage_is_found_with_its_good_copies(drive: Path, vault: Path) -> None:
    damage(drive / "a/x")
    (drive / "a/y").write_text("an edit")
    result = gorillacomb.open_vault(vault).scrub([drive / "a"])
    (found,) = result.damaged
    assert found.path == os.fsencode(drive / "a/x")
    assert found.is_suspect
    assert found.good == (os.fsencode(drive / "b/copy"),)
    assert (result.due, result.changed, result.exit_code) == (2, 1, 1)
    theirs = run("scrub", drive / "a", "--json", vault=vault).json()
    ours = result.to_dict()
    for name in ("damaged", "suspect", "in_use", "unreadable", "away"):
        assert ours[name] == theirs[name]


def test_only_what_is_old_enough_is_due(drive: Path, vault: Path) -> None:
    opened = gorillacomb.open_vault(vault)
    assert opened.scrub().files == 3
    assert opened.scrub(older_than_ns=3600 * 10**9).due == 0
    assert opened.scrub().due == 3


def test_a_callback_stops_it_with_everything_kept(drive: Path, vault: Path) -> None:
    def stop(event: object) -> None:
        raise gorillacomb.Interrupted("Enough.")

    opened = gorillacomb.open_vault(vault)
    damage(drive / "a/x")
    result = opened.scrub(progress=stop)
    assert (result.is_interrupted, result.exit_code) == (True, 130)
    assert (result.files, result.left) == (0, 3)
    assert result.to_dict()["interrupted"] is True
    assert len(opened.scrub().damaged) == 1


@pytest.mark.parametrize(
    ("name", "word"), [("a/x", "is a file"), ("none", "does not exist"), ("..", "is in no folder")]
)
def test_what_cannot_be_scrubbed(name: str, word: str, drive: Path, vault: Path) -> None:
    with pytest.raises(gorillacomb.UsageError, match=word):
        gorillacomb.open_vault(vault).scrub([drive / name])


def test_a_damaged_file_is_accepted(drive: Path, vault: Path) -> None:
    opened = gorillacomb.open_vault(vault)
    with pytest.raises(gorillacomb.UsageError, match="is not known to be damaged"):
        opened.accept_damage([drive / "a/x"])
    damage(drive / "a/x")
    damage(drive / "b/copy")
    assert len(opened.scrub().damaged) == 2
    (drive / "b/copy").unlink()
    result = opened.accept_damage([drive / "a/x", str(drive / "b/copy")])
    assert result.accepted == (os.fsencode(drive / "a/x"),)
    assert result.missing == (os.fsencode(drive / "b/copy"),)
    assert result.to_dict() == {"accepted": [{"path": str(drive / "a/x")}]}
    assert opened.scrub().damaged == ()
    assert (drive / "a/x").read_text() == BAD


@of_leases
def test_a_damaged_file_is_repaired_and_taken_back(drive: Path, vault: Path) -> None:
    opened = gorillacomb.open_vault(vault)
    damage(drive / "a/x")
    opened.scrub()
    left = opened.repair_damage()
    assert not left.is_complete
    assert [each.path for each in left.suspects] == [os.fsencode(drive / "a/x")]
    assert left.to_dict()["suspects"] == [{"path": str(drive / "a/x")}]
    assert (drive / "a/x").read_text() == BAD, "nobody asked for suspects"
    result = opened.repair_damage([drive / "a/x"])
    assert result.is_complete
    assert [each.path for each in result.run.done] == [os.fsencode(drive / "a/x")]
    assert (drive / "a/x").read_text() == GOOD
    assert opened.scrub().damaged == ()
    assert opened.undo(result.run.id).is_complete
    assert (drive / "a/x").read_text() == BAD


def test_all_suspects_are_repaired_on_request(drive: Path, vault: Path) -> None:
    opened = gorillacomb.open_vault(vault)
    damage(drive / "a/x")
    opened.scrub()
    result = opened.repair_damage(suspects=True)
    assert result.is_complete
    assert (drive / "a/x").read_text() == GOOD
    assert result.to_dict()["done"] == 1
