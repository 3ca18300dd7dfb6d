"""`gorillacomb manifest`: what it writes, where, and what it refuses to write."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gorillacomb.manifest.parse import parse_manifest
from tests.support.homes import config_folder
from tests.support.run import Argument, Ran, complained, lines_on_screen, on_terminal, refused, run
from tests.support.stranger import ground, run_as_stranger
from tests.support.trees import Link, make_tree, scan, settle


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "HealthTrack",
        {
            "package.json": "{}",
            "client": {"app.tsx": "app", b"odd \xff": "odd"},
            "logs": {},
            "latest": Link("client/app.tsx"),
        },
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "manifest.json"


def make(top: Path, out: Path, *more: Argument) -> Ran:
    return run("manifest", top, "-o", out, *more)


def test_it_writes_and_signs(top: Path, out: Path, own_home: Path) -> None:
    ran = make(top, out)
    assert ran.code == 0
    first, second, _ = ran.out.splitlines()
    assert first == f"Wrote {out}: 3 files, 1 link, 1 empty folder, 8 B."
    assert second.startswith("Signed by your key ")
    assert second.endswith(f", in {out}.dsse.")
    manifest = parse_manifest(out.read_bytes())
    assert [entry.path for entry in manifest.entries] == [
        b"client/app.tsx",
        b"client/odd \xff",
        b"latest",
        b"logs",
        b"package.json",
    ]
    assert (manifest.name, manifest.checkpoint) == (b"HealthTrack", None)
    assert {entry.seq for entry in manifest.entries} == {None}
    keys = config_folder(own_home) / "keys/ed25519.pem"
    assert keys.stat().st_mode & 0o777 == 0o600


def test_json(top: Path, out: Path) -> None:
    os.mkfifo(top / "fifo")
    ran = make(top, out, "--json")
    assert ran.code == 0
    report = ran.json()
    assert report["written"] == {"path": str(out)}
    assert report["left_out"] == [{"path": "fifo", "kind": "fifo", "cause": ""}]
    counts = {key: report[key] for key in ("files", "links", "dirs", "bytes")}
    assert counts == {"files": 3, "links": 1, "dirs": 1, "bytes": 8}
    assert report["key"] == json.loads(Path(f"{out}.dsse").read_text())["signatures"][0]["keyid"]


def test_a_key_that_is_made_is_told_of(top: Path, out: Path, own_home: Path) -> None:
    path = config_folder(own_home) / "keys/ed25519.pem"
    keys = []
    for _ in range(2):
        ran = make(top, out, "--json", "--force")
        keys.append(ran.json()["key"])
        assert ran.err.splitlines() == [
            f"gorillacomb: Created a new key, {keys[-1]}, because there was none:",
            f"  ~/{config_folder(Path())}/keys/ed25519.pem",
        ]
        assert make(top, out, "--force").err == ""
        path.unlink()  # as if it were lost
    assert keys[0] != keys[1]
    assert "Created a new key" in make(top, out, "--force", "--key-type", "rsa").err


def test_without_a_signature(top: Path, out: Path) -> None:
    assert make(top, out, "--no-sign").code == 0
    assert out.exists()
    assert not Path(f"{out}.dsse").exists()


def test_by_rsa(top: Path, out: Path) -> None:
    assert make(top, out, "--key-type", "rsa").code == 0
    assert run("verify", out, "--root", top, "--json").json()["signature"] == "valid"


def test_on_stdout(top: Path, out: Path) -> None:
    ran = run("manifest", top, "-o", "-")
    assert (ran.code, ran.err) == (0, "")
    assert len(parse_manifest(ran.stdout).entries) == 5
    refused(run("manifest", top, "-o", "-", "--json"), 2, "--json")


def test_nothing_is_written_over(top: Path, out: Path) -> None:
    out.write_text("mine")
    refused(make(top, out), 5, str(out), "is there already")
    assert out.read_text() == "mine"
    out.unlink()
    Path(f"{out}.dsse").write_text("mine")
    refused(make(top, out), 5, f"{out}.dsse", "is there already")
    assert not out.exists()
    assert make(top, out, "--no-sign").code == 0
    assert Path(f"{out}.dsse").read_text() == "mine"
    assert make(top, out, "--force").code == 0
    assert run("verify", out, "--root", top).code == 0
    assert make(top, out, "--force", "--no-sign").code == 0
    assert not Path(f"{out}.dsse").exists()  # it was that of another manifest


def test_no_partial_file_stays_behind(top: Path, out: Path) -> None:
    make(top, out)
    assert sorted(os.listdir(out.parent)) == ["HealthTrack", "manifest.json", "manifest.json.dsse"]
    refused(run("manifest", top, "-o", out.parent / "nowhere/m.json"), 2, "does not exist")
    refused(run("manifest", top, "-o", top, "--force"), 5, str(top))


def test_inside_the_folder_it_is_no_part_of_itself(top: Path) -> None:
    out = top / "manifest.json"
    for more in ((), ("--force",)):
        assert make(top, out, *more).code == 0
        assert len(parse_manifest(out.read_bytes()).entries) == 5
        assert run("verify", out).code == 0


def test_it_is_named_by_where_the_folder_really_is(top: Path, out: Path) -> None:
    ran = run("manifest", ".", "-o", out, cwd=top)
    assert ran.code == 0
    assert parse_manifest(out.read_bytes()).name == b"HealthTrack"
    (top.parent / "alias").symlink_to(top)
    inside = top.parent / "alias/inside.json"
    assert run("manifest", top, "-o", inside).code == 0
    assert run("manifest", top, "-o", inside, "--force").code == 0
    assert len(parse_manifest(inside.read_bytes()).entries) == 5


def test_what_has_no_place_in_it_is_named(top: Path, out: Path) -> None:
    os.mkfifo(top / "client/fifo")
    ran = make(top, out, "--no-sign")
    assert ran.code == 0
    assert ran.err.splitlines() == [
        "gorillacomb: 1 thing is not part of a manifest:",
        "  client/fifo: a FIFO",
    ]
    assert run("verify", out, "--root", top).code == 0


def test_what_cannot_be_read_is_not_passed_over() -> None:
    with ground() as home:
        top = make_tree(home / "tree", {"open": "x", "closed": "x", "folder": {"a": "x"}})
        for name in ("closed", "folder"):
            os.chmod(top / name, 0)
        out = home / "m.json"
        words: tuple[Argument, ...] = ("manifest", top, "-o", out, "--no-sign")
        ran = run_as_stranger(*words, home=home)
        assert ran.code == 3, ran
        assert ran.err.splitlines() == [
            "gorillacomb: 2 things are unreadable, and missing from it:",
            "  closed: permission denied",
            "  folder: permission denied",
            "gorillacomb: No manifest was written: it would lack the entries above.",
            "Make them readable, or write it without them: --allow-missing.",
        ]
        assert not out.exists()
        ran = run_as_stranger(*words, "--json", home=home)
        assert (ran.code, ran.json()["written"]) == (3, None)
        assert run_as_stranger(*words, "--allow-missing", home=home).code == 3
        lacks = parse_manifest(out.read_bytes()).lacks
        assert [each.path for each in lacks] == [b"closed", b"folder"]
        ran = run_as_stranger("verify", out, "--root", top, "--json", home=home)
        assert ran.code == 3
        report = ran.json()
        assert [each["path"] for each in report["unproven"]] == ["closed", "folder"]
        assert (report["ok"], report["extra"]) == (1, [])


def test_wrong_usage(top: Path, out: Path, tmp_path: Path) -> None:
    refused(run("manifest", top), 2, "-o")
    refused(run("manifest", tmp_path / "nowhere", "-o", out), 2, "nowhere", "no such file")
    (tmp_path / "file").write_text("x")
    refused(run("manifest", tmp_path / "file", "-o", out), 2, "not a folder")
    assert not out.exists()


def test_without_a_path_it_needs_a_vault(out: Path, vault: Path) -> None:
    refused(run("manifest", "-o", out, vault=vault), 4, "Nothing has been scanned yet")


def test_without_a_path_it_takes_the_canonical_files(
    tmp_path: Path, out: Path, vault: Path
) -> None:
    tree = make_tree(
        tmp_path / "drive",
        {
            "HealthTrack": {"package.json": "{}", "app.tsx": "app", "b": "bee"},
            "Temp folder": {"HealthTrack": {"package.json": "{}", "app.tsx": "app", "c": "sea"}},
        },
    )
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    ran = run("manifest", "-o", out, vault=vault)
    assert ran.code == 0, ran.err
    manifest = parse_manifest(out.read_bytes())
    assert [entry.path for entry in manifest.entries] == [
        b"HealthTrack/app.tsx",
        b"HealthTrack/b",
        b"HealthTrack/package.json",
        b"Temp folder/HealthTrack/c",
    ]
    assert not manifest.whole
    assert all(entry.seq is not None for entry in manifest.entries)
    ran = run("verify", out, "--root", tree, vault=vault)
    assert ran.code == 0, ran
    assert "2 other things exist there" in ran.out


def test_several_roots_need_a_path(tmp_path: Path, out: Path, vault: Path) -> None:
    for name in "ab":
        scan(vault, make_tree(tmp_path / name, {"x": name}))
    refused(run("manifest", "-o", out, vault=vault), 2, "2 roots")
    assert run("manifest", tmp_path / "a", "-o", out, vault=vault).code == 0


def test_on_a_terminal(top: Path, out: Path) -> None:
    ran = on_terminal("manifest", top, "-o", out)
    assert ran.code == 0
    assert len(lines_on_screen(ran.stdout)) >= 2


def test_a_passphrase(top: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GORILLACOMB_PASSPHRASE", "secret")
    assert make(top, out).code == 0
    monkeypatch.delenv("GORILLACOMB_PASSPHRASE")
    complained(make(top, out, "--force"), 4, "encrypted")
    ran = run("verify", out, "--root", top, "--json")
    assert (ran.code, ran.json()["signature"]) == (0, "unknown-key")
    assert "is encrypted" in ran.err
