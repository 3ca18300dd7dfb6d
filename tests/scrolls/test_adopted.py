"""Scrolls of a log that was adopted by another: what was lost of it stays lost, and is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gorillacomb.vaultmesh.anchor import AnchorStore
from tests.scrolls.release import Release
from tests.support.run import refused, run


def keys_of(release: Release, scroll: str) -> dict[str, str]:
    return {each["kind"]: each["key"] for each in release.show(scroll)["signatures"]}


def restore_and_adopt(release: Release, tmp_path: Path) -> None:
    """Revoke the scroll, put a backup from before back, and do as the next messages advise."""
    release.run("vault", "backup", tmp_path / "copy")
    release.run("scroll", "revoke", release.made[0])
    release.run("vault", "restore", tmp_path / "copy", "--replace")
    assert "revocation-unknown" in release.reasons()
    release.run("trace", "adopt")


def unknown(release: Release, scroll: str) -> str:
    """Check that a revocation may be missing, says every command, and return why."""
    found = release.show(scroll)
    assert found["revocation"]["state"] == "unknown"
    [detail] = [
        each["detail"] for each in found["reasons"] if each["reason"] == "revocation-unknown"
    ]
    checked = release.verify(scroll=scroll, code=1)["reasons"]
    assert [each["detail"] for each in checked] == [detail]
    listed = release.run("scroll", "list", "--json").json()["items"]
    [item] = [each for each in listed if each["scroll_id"] == scroll]
    assert detail in [each["detail"] for each in item["reasons"]]
    assert not item["planetary_motion_authorized"]
    return str(detail)


def test_a_revoked_scroll_does_not_come_back_by_a_backup(release: Release, tmp_path: Path) -> None:
    old = release.made[0]
    restore_and_adopt(release, tmp_path)
    for _ in range(2):
        assert "earlier trace" in (why := unknown(release, old)) and "Sign a new scroll" in why
        release.check()
        release.cosign("A", "B")
    new = release.create()
    release.check()
    release.cosign("A", "B")
    assert release.reasons(new) == []
    release.run("trace", "adopt", "--force")
    unknown(release, old)
    release.run("scroll", "revoke", old)
    assert release.show(old)["revocation"]["state"] == "revoked"


def test_a_former_trace_without_its_anchor(release: Release, own_home: Path) -> None:
    old, log = release.made[0], release.show()["treaty_log"].rpartition("/")[2]
    release.run("trace", "adopt", "--force")
    assert release.show(old)["revocation"]["state"] == "active"
    anchors = AnchorStore(own_home / ".local/state/gorillacomb/anchors")
    assert anchors.read(log) is not None
    anchors.path(log).unlink()
    assert "does not know how long" in unknown(release, old)
    anchors.write(log, b"damaged")
    unknown(release, old)


def test_a_trace_between_that_is_gone(release: Release, own_home: Path) -> None:
    """The revocation was in the second of three traces."""
    old = release.made[0]
    release.run("trace", "adopt", "--force")
    release.run("scroll", "revoke", old)
    second = release.entries()[0]
    release.run("trace", "adopt", "--force")
    assert release.show(old)["revocation"]["state"] == "revoked"
    [kept] = [
        path for path in release.vault.glob("trace-*.db") if second["adopts"] not in path.name
    ]
    kept.unlink()
    assert "Another log followed" in unknown(release, old)
    shutil.rmtree(own_home / ".local/state/gorillacomb/anchors/followers")
    assert "one between them cannot be read" in unknown(release, old), "as the genesis says"


def test_a_backup_from_before_an_adopt(release: Release, tmp_path: Path) -> None:
    """The restored trace is as long as its anchor; only the log that followed has the entry."""
    old = release.made[0]
    release.run("vault", "backup", tmp_path / "copy")
    release.run("trace", "adopt", "--force")
    release.run("scroll", "revoke", old)
    release.run("vault", "restore", tmp_path / "copy", "--replace")
    release.check()
    release.cosign("A", "B")
    assert "Another log followed" in unknown(release, old)
    release.run("trace", "adopt", "--force")
    assert "Another log followed" in unknown(release, old)


@pytest.mark.parametrize("words", [("trace", "verify"), ("vault", "check")])
def test_former_traces_are_checked_too(
    release: Release, own_home: Path, words: tuple[str, ...]
) -> None:
    old = release.made[0]
    release.run("trace", "adopt", "--force")
    release.run(*words)
    assert release.reasons(old) == []
    release.age_checks(25 * 3600, "former-", "trace")
    assert release.reasons(old) == ["stale"]
    release.run(*words)
    assert release.reasons(old) == []
    [path] = release.vault.glob("trace-*.db")
    import sqlite3

    with sqlite3.connect(path) as connection:
        entry = connection.execute("SELECT entry FROM entries WHERE seq = 2").fetchone()[0]
        connection.execute(
            "UPDATE entries SET entry = ? WHERE seq = 2",
            (entry.replace(b'"copies":1', b'"copies":2'),),
        )
    connection.close()
    release.run(*words)
    assert "trace-not-sound" in release.reasons(old), "which is for its scrolls alone"
    assert len(list(own_home.rglob("checks/*/former-*.json"))) == 1


def test_an_adopted_trace_that_cannot_be_opened_is_no_obstacle(release: Release) -> None:
    release.run("trace", "adopt", "--force")
    [path] = release.vault.glob("trace-*.db")
    path.write_bytes(b"no database")
    release.run("trace", "verify")
    release.run("vault", "check")
    assert path.name in release.run("scroll", "list").err


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_compromised_key_counts_in_every_log(release: Release, kind: str) -> None:
    old = release.made[0]
    key = keys_of(release, old)[kind]
    release.run("trace", "adopt", "--force")
    new = release.create()
    release.check()
    release.cosign("A", "B")
    assert keys_of(release, new)[kind] == key
    both = release.run("keys", "show", "--scrolls")
    assert both.out.count("BEGIN PUBLIC KEY") == 2 and not both.err, "each key once"
    release.run("keys", "compromise", key)
    for scroll in (old, new):
        found = [each for each in release.show(scroll)["reasons"] if each["reason"] != "not-synced"]
        assert [each["reason"] for each in found] == ["key-compromised"]
        [reason] = release.verify(scroll=scroll, code=1)["reasons"]
        assert reason["reason"] == "key-compromised" and key in reason["detail"]
    listed = release.run("scroll", "list").out.splitlines()
    assert all("key-compromised" in line for line in listed) and len(listed) == 2
    left = release.run("keys", "show", "--scrolls")
    assert left.out.count("BEGIN PUBLIC KEY") == 1
    assert f"The key {key} is omitted: compromised." in left.err
    refused(run("keys", "compromise", key, vault=release.vault), 2, "already")


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_key_that_was_compromised_before_signs_nothing_after(release: Release, kind: str) -> None:
    key = keys_of(release, release.made[0])[kind]
    release.run("keys", "compromise", key)
    release.run("trace", "adopt", "--force")
    words = ("--manifest", release.manifest, "--license", "MIT", "--kind", "seal")
    ran = run("scroll", "create", *words, vault=release.vault)
    refused(ran, 5, key, "compromised")


def test_a_key_of_an_earlier_log_can_be_given_up(release: Release) -> None:
    """The new log does not name it as long as it has signed nothing there."""
    old = release.made[0]
    key = keys_of(release, old)["rsa"]
    release.run("trace", "adopt", "--force")
    release.run("keys", "compromise", key)
    reasons = release.show(old)["reasons"]
    assert [each["reason"] for each in reasons] == ["key-compromised"]
    assert (
        release.entries()[-1]["seq"] == 1
        and "says entry 1 of gorillacomb" in (reasons[0]["detail"])
    )
