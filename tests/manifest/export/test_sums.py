"""SHA256SUMS and B3SUMS: `sha256sum -c` and `b3sum --check` accept them and notice one byte."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.manifest.export.result import ExportResult
from gorillacomb.manifest.export.sums import b3sum, sha256sum
from gorillacomb.manifest.model import Manifest, ManifestEntry
from tests.manifest.export.exports import NOT_UTF8, change_a_byte, left, manifest_of, odd_tree, tool
from tests.support.trees import Link, make_tree

TOOLS: dict[str, tuple[Callable[[Manifest], ExportResult], str, str]] = {
    "sha256sum": (sha256sum, "-c", "coreutils"),
    "b3sum": (b3sum, "--check", "b3sum"),
}


def check(name: str, top: Path, sums: bytes) -> subprocess.CompletedProcess[bytes]:
    _, option, package = TOOLS[name]
    sums_file = top.parent / f"{name}.sums"
    sums_file.write_bytes(sums)
    return tool(name, option, sums_file, package=package, cwd=top)


@pytest.mark.parametrize("name", TOOLS)
def test_the_tool_accepts_every_name_that_is_carried(name: str, tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree")
    exported = TOOLS[name][0](manifest_of(top))
    done = check(name, top, exported.data)
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    assert done.stdout.count(b": OK\n") == exported.entries == exported.data.count(b"\n")
    assert exported.entries + len(exported.left_out) == len(manifest_of(top).entries)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("path", ["plain", "new\nline", "back\\slash", "-", "folders/a b/in it"])
def test_the_tool_notices_one_changed_byte(name: str, path: str, tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree")
    exported = TOOLS[name][0](manifest_of(top))
    change_a_byte(top / path)
    done = check(name, top, exported.data)
    assert done.returncode == 1
    assert done.stdout.count(b": FAILED") == 1


def test_sha256sum_carries_names_that_are_not_utf8(tmp_path: Path) -> None:
    assert sha256sum(manifest_of(odd_tree(tmp_path / "tree"))).left_out == ()


def test_what_b3sum_cannot_read_is_left_out_by_name(tmp_path: Path) -> None:
    replacement, ends_in_return = "\ufffd here".encode(), b"ends\r"
    top = odd_tree(tmp_path / "tree", (*NOT_UTF8, replacement, ends_in_return, b"plain"))
    found = left(b3sum(manifest_of(top)).left_out)
    odd = {*NOT_UTF8, replacement}
    assert found.keys() == odd | {b"folders/%s/in it" % name for name in odd} | {ends_in_return}
    assert "not UTF-8" in found[b"\xff\xfe"]
    assert "U+FFFD" in found[replacement]
    assert "carriage return" in found[ends_in_return]


def test_b3sum_indeed_refuses_what_is_left_out(tmp_path: Path) -> None:
    """Should a later version read such names, this says so."""
    top = odd_tree(tmp_path / "tree", (b"\xff", "\ufffd".encode()))
    for name in (b"\xff", "\ufffd".encode()):
        entry = next(e for e in manifest_of(top).entries if e.path == name)
        assert entry.blake3 is not None
        done = check("b3sum", top, entry.blake3.encode() + b"  " + name + b"\n")
        assert done.returncode != 0


@pytest.mark.parametrize("name", TOOLS)
def test_what_is_no_file_is_left_out_by_name(name: str, tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {"file": "x", "link": Link("file"), "empty": {}})
    exported = TOOLS[name][0](manifest_of(top))
    found = left(exported.left_out)
    assert found.keys() == {b"link", b"empty"}
    assert "a link" in found[b"link"]
    assert "empty folder" in found[b"empty"]
    assert exported.entries == 1


def test_a_path_that_no_program_can_open_is_left_out() -> None:
    entries = tuple(
        ManifestEntry(path, "file", 0o644, 1, blake3="0" * 64, sha256="0" * 64)
        for path in (b"/".join([b"n" * 200] * 20), b"n" * 100 + b"/" + b"/".join([b"n" * 200] * 20))
    )
    found = left(sha256sum(Manifest(b"deep", entries, 0)).left_out)
    assert found.keys() == {entries[1].path}
    assert "4,120 bytes" in found[entries[1].path]


NAMES = st.sets(
    st.binary(min_size=1, max_size=40)
    .map(lambda name: name.translate(None, b"\0/"))
    .filter(lambda name: name not in (b"", b".", b"..")),
    min_size=1,
    max_size=40,
)
ODDER = st.sets(
    st.text("ab\\nr\n\r \t-*#%é\u0301\ufffd\x85\u2028", min_size=1, max_size=8).map(str.encode),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("name", TOOLS)
@given(names=NAMES | ODDER)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_come_back_from_the_tool_as_they_were(
    name: str, names: set[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("names") / "tree"
    make_tree(top, {each: b"content of " + each for each in names})
    exported = TOOLS[name][0](manifest_of(top))
    assert exported.entries + len(exported.left_out) == len(names)
    if exported.entries:
        done = check(name, top, exported.data)
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert done.stdout.count(b": OK\n") == exported.entries


def test_the_lines_are_those_that_sha256sum_writes(tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree", (b"plain", b"new\nline", b"back\\slash", b"\xff", b"c\rr"))
    manifest = manifest_of(top)
    paths = [entry.path for entry in manifest.entries]
    done = tool("sha256sum", "--", *paths, package="coreutils", cwd=top)
    version = tool("sha256sum", "--version", package="coreutils").stdout.split()[3]
    if tuple(map(int, version.split(b"."))) >= (9, 0):  # earlier ones leave a carriage return as is
        assert sha256sum(manifest).data == done.stdout
    assert sha256(b"file plain").hexdigest().encode() + b"  plain\n" in done.stdout
