"""`gorillacomb export`: what it writes and where, what it says, and how it ends."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from gorillacomb.api.export import FORMATS
from gorillacomb.manifest.serialize import to_json
from tests.manifest.export.exports import ODD_NAMES, change_a_byte, manifest_of, odd_tree, tool
from tests.support.homes import config_folder
from tests.support.run import refused, run
from tests.support.trees import Link, make_tree

ONE_FILE = tuple(form for form in FORMATS if form != "bagit")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", {"a": "first", "inner": {"b c": "second"}})


@pytest.fixture
def manifest(top: Path, tmp_path: Path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_bytes(to_json(manifest_of(top)))
    return path


@pytest.mark.parametrize("form", ONE_FILE)
def test_a_file_and_stdout_get_the_same(form: str, manifest: Path, tmp_path: Path) -> None:
    printed = run("export", manifest, "--format", form)
    assert printed.code == 0, printed.err
    piped = run("export", "-", "--format", form, stdin=manifest.read_bytes())
    written = run("export", manifest, "--format", form, "-o", tmp_path / "out")
    assert (written.code, written.out) == (0, f"Wrote {tmp_path / 'out'}: 2 entries, as {form}.\n")
    if form == "oms":  # ECDSA signs with a random number each time
        assert b"BEGIN PUBLIC KEY" in written.stderr == piped.stderr
        assert printed.stderr.endswith(written.stderr)  # before that: that it made a key
        assert len((tmp_path / "out").read_bytes()) // 10 == len(printed.stdout) // 10
    else:
        assert printed.stdout == piped.stdout == (tmp_path / "out").read_bytes()
        assert printed.stderr == written.stderr == b""
    assert sorted(os.listdir(tmp_path)) == ["manifest.json", "out", "tree"]


def test_what_it_prints_goes_through_the_tool(manifest: Path, top: Path) -> None:
    sums = run("export", manifest, "--format", "sha256sum").stdout
    assert tool("sha256sum", "-c", package="coreutils", cwd=top, stdin=sums).returncode == 0
    change_a_byte(top / "a")
    assert tool("sha256sum", "-c", package="coreutils", cwd=top, stdin=sums).returncode == 1


def test_a_bag_is_made_beside_and_the_report_says_so(
    manifest: Path, top: Path, tmp_path: Path
) -> None:
    ran = run("export", manifest, "--format", "bagit", "--root", top, "-o", tmp_path / "bag")
    said = f"Wrote {tmp_path / 'bag'}: 2 entries, as bagit.\n"
    assert (ran.code, ran.out, ran.err) == (0, said, "")
    assert (tmp_path / "bag/data/inner/b c").read_text() == "second"
    again = ("export", manifest, "--format", "bagit", "--root", top, "-o", tmp_path / "bag")
    refused(run(*again), 5, "is there already")
    ran = run(*again[:-1], tmp_path / "two", "--json")
    assert ran.json() == {
        "format": "bagit",
        "written": {"path": str(tmp_path / "two")},
        "entries": 2,
        "failed": [],
        "left_out": [],
    }


def test_the_root_is_where_the_manifest_lies(manifest: Path, top: Path, tmp_path: Path) -> None:
    manifest.rename(top / "manifest.json")
    place = tmp_path / "bag"
    assert run("export", top / "manifest.json", "--format", "bagit", "-o", place).code == 0
    assert run("export", "manifest.json", "--format", "bagit", "-o", "../b", cwd=top).code == 0
    assert sorted(os.listdir(place / "data")) == ["a", "inner"]


def test_the_root_is_beside_the_manifest(manifest: Path, tmp_path: Path) -> None:
    place = tmp_path / "bag"
    assert run("export", manifest, "--format", "bagit", "-o", place).code == 0
    assert sorted(os.listdir(place / "data")) == ["a", "inner"]


def test_a_manifest_that_is_not_the_one_that_was_signed_is_refused(
    top: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.json"
    assert run("manifest", top, "-o", path).code == 0
    assert run("export", path, "--format", "sha256sum").code == 0
    change_a_byte(top / "a")
    path.write_bytes(to_json(manifest_of(top)))
    refused(run("export", path, "--format", "sha256sum"), 2, "is refused", "another manifest")


def test_a_changed_source_makes_no_bag(manifest: Path, top: Path, tmp_path: Path) -> None:
    change_a_byte(top / "a")
    words = ("export", manifest, "--format", "bagit", "--root", top, "-o", tmp_path / "bag")
    ran = run(*words)
    assert (ran.code, ran.stdout) == (1, b"")
    assert "1 file differs from the manifest, so no bag was created" in ran.err
    assert "  a: its content is not the recorded one" in ran.err
    report = run(*words, "--json")
    assert report.code == 1
    assert report.json()["failed"] == [
        {"path": "a", "cause": "its content is not the recorded one"}
    ]
    assert report.json()["written"] is None
    assert not (tmp_path / "bag").exists()


def test_what_is_left_out_is_named(top: Path, tmp_path: Path) -> None:
    make_tree(top, {"l1": Link("a"), "l2\x1b[31m": Link("a"), b"\xff": "x", "none": {}, "no": {}})
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(to_json(manifest_of(top)))
    ran = run("export", manifest, "--format", "b3sum")
    assert ran.code == 3
    assert ran.stdout.count(b"\n") == 2
    lines = ran.err.splitlines()
    assert lines[0] == "gorillacomb: 5 entries omitted: b3sum cannot represent them:"
    assert lines[1] == "  l1: a link, and the format lists files only"
    assert "\x1b" not in ran.err
    assert len(lines) == 6  # each by its name
    ran = run("export", manifest, "--format", "b3sum", "-o", tmp_path / "sums", "--json")
    assert ran.code == 3
    report = ran.json()
    assert (report["format"], report["entries"]) == ("b3sum", 2)
    assert len(report["left_out"]) == 5
    odd = next(each for each in report["left_out"] if "path_b64" in each)
    assert base64.b64decode(odd["path_b64"]) == b"\xff"
    assert run("export", manifest, "--format", "csv").code == 0
    assert run("export", manifest, "--format", "mtree").code == 0


def test_twenty_are_named_and_the_others_counted(top: Path, tmp_path: Path) -> None:
    make_tree(top, {f"l{n}": Link("a") for n in range(23)})
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(to_json(manifest_of(top)))
    lines = run("export", manifest, "--format", "b3sum").err.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "  and 3 more; --json names them all"


def test_it_says_which_key_signed(manifest: Path, tmp_path: Path) -> None:
    words = ("export", manifest, "--format", "oms", "-o", tmp_path / "model.sig")
    first = run(*words).err.splitlines()
    assert first[0].startswith("gorillacomb: Created a new key, ")
    assert first[1] == f"  ~/{config_folder(Path())}/keys/ecdsa.pem"
    again = run(*words, "--force")
    lines = again.err.splitlines()
    assert lines == first[2:]
    assert lines[0].startswith("gorillacomb: Signed by your key ")
    assert lines[1].startswith(f"  ~/{config_folder(Path())}/keys/ecdsa.pem. The public key")
    assert lines[2] == "-----BEGIN PUBLIC KEY-----"
    report = run(*words, "--force", "--json")
    assert report.err == ""
    assert report.json()["key"] in lines[0]
    told = " ".join(run("export", "--help").out.split())
    assert "oms needs an elliptic curve key" in told
    assert "created when it is first needed" in told


def test_the_signature_comes_with_its_public_key(manifest: Path, tmp_path: Path) -> None:
    ran = run("export", manifest, "--format", "oms", "-o", tmp_path / "model.sig", "--json")
    assert ran.code == 0
    key = ran.json()["public_key"]
    assert key.startswith("-----BEGIN PUBLIC KEY-----\n")
    again = run("export", manifest, "--format", "oms", "-o", tmp_path / "second.sig", "--json")
    assert again.json()["public_key"] == key


def test_nothing_is_overwritten_unasked(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("precious")
    words = ("export", manifest, "--format", "csv", "-o")
    refused(run(*words, out), 5, "is there already")
    assert out.read_text() == "precious"
    assert run(*words, out, "--force").code == 0
    assert out.read_text().startswith("path,")
    for name, make in (("folder", Path.mkdir), ("pipe", os.mkfifo)):
        make(tmp_path / name)
        refused(run(*words, tmp_path / name, "--force"), 5, "is not a file")
    (tmp_path / "link").symlink_to(out)
    refused(run(*words, tmp_path / "link", "--force"), 5, "is not a file")
    refused(run(*words, manifest, "--force"), 5, "would overwrite the manifest")
    assert manifest.read_bytes().startswith(b"{")
    assert not list(tmp_path.glob(".gorillacomb*"))


def test_wrong_use_is_told(manifest: Path, top: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused(run("export", manifest), 2, "--format")
    refused(run("export", manifest, "--format", "zip"), 2, "'zip'")
    refused(run("export", manifest, "--format", "csv", "--json"), 2, "--json")
    refused(run("export", manifest, "--format", "csv", "--root", top), 2, "--root")
    refused(run("export", manifest, "--format", "bagit"), 2, "-o")
    refused(run("export", manifest, "--format", "bagit", "-o", out, "--force"), 2, "--force")
    refused(run("export", "-", "--format", "bagit", "-o", out), 2, "--root")
    refused(run("export", tmp_path / "gone", "--format", "csv"), 2, "gone", "cannot be read")
    refused(run("export", top, "--format", "csv"), 2, str(top))
    gone = tmp_path / "no/out"
    refused(run("export", manifest, "--format", "csv", "-o", gone), 2, "does not exist")
    manifest.write_bytes(manifest.read_bytes()[:-20])
    refused(run("export", manifest, "--format", "csv", "-o", out), 2, "is refused")
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_told(manifest: Path) -> None:
    if not os.path.exists("/proc/self"):
        pytest.skip("MISSING: /proc, a folder in which nobody can write")
    ran = run("export", manifest, "--format", "csv", "-o", "/proc/out")
    refused(ran, 2, "/proc/out", "cannot be written")


def test_from_the_folder_to_the_outside_tools(tmp_path: Path) -> None:
    """The whole way: a manifest as it is really made, then each tool on the same folder."""
    top = odd_tree(tmp_path / "tree", ODD_NAMES)
    make_tree(top, {"link": Link("plain"), "empty": {}})
    assert run("manifest", top, "-o", tmp_path / "m.json").code == 0
    made = {form: tmp_path / form for form in FORMATS}
    for form, place in made.items():
        code = 0 if form in ("mtree", "csv") else 3
        assert run("export", tmp_path / "m.json", "--format", form, "-o", place).code == code
    checks = (
        (("mtree", "-f", made["mtree"], "-p", top), "mtree-netbsd"),
        (("sha256sum", "--quiet", "-c", made["sha256sum"]), "coreutils"),
        (("b3sum", "--quiet", "--check", made["b3sum"]), "b3sum"),
    )
    for words, package in checks:
        done = tool(*words, package=package, cwd=top)
        assert (done.returncode, done.stdout) == (0, b""), done
    change_a_byte(top / "plain")
    for words, package in checks:
        assert tool(*words, package=package, cwd=top).returncode != 0
