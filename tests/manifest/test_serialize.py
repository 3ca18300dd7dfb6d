"""manifest.json: what is written is read back, and nothing else is let in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.manifest import parse as parsing
from gorillacomb.manifest.model import MalformedManifest, Manifest, ManifestEntry
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.serialize import PREDICATE, entry_json, to_json
from gorillacomb.manifest.validate import validated_manifest
from gorillacomb.vaultmesh import jcs
from tests.manifest.samples import SAMPLE, document, file, manifests, resealed


@given(manifests())
def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    data = to_json(manifest)
    assert parse_manifest(data) == manifest
    assert to_json(parse_manifest(data)) == data


@given(manifests())
def test_another_layout_is_read_as_well(manifest: Manifest) -> None:
    data = to_json(manifest)
    for other in (json.dumps(json.loads(data), indent=3), json.dumps(json.loads(data))):
        assert parse_manifest(other.encode()) == manifest


@given(manifests())
def test_the_subject_is_the_digest_of_the_canonical_files(manifest: Manifest) -> None:
    """By a JCS that is not ours: the package rfc8785."""
    value = json.loads(to_json(manifest))
    files = rfc8785.dumps(value["predicate"]["files"])
    assert value["subject"][0]["digest"] == {"sha256": sha256(files).hexdigest()}
    assert files == b"[" + b",".join(map(entry_json, manifest.entries)) + b"]"


def test_it_is_an_in_toto_statement_that_can_be_read_as_it_lies() -> None:
    data = to_json(SAMPLE)
    value = json.loads(data)
    assert list(value) == ["_type", "subject", "predicateType", "predicate"]
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == PREDICATE
    assert [subject["name"] for subject in value["subject"]] == ["HealthTrack"]
    assert value["predicate"]["checkpoint"] == "a checkpoint\n"
    assert value["predicate"]["counts"] == {"files": 4, "links": 2, "dirs": 1, "bytes": 4}
    lines = data.split(b"\n")
    for entry in SAMPLE.entries:
        assert entry_json(entry) in [line.rstrip(b",") for line in lines]


def test_a_folder_whose_name_is_not_utf_8_keeps_it() -> None:
    value = json.loads(to_json(Manifest(b"a\xff", (), 0)))
    assert value["subject"][0]["name"] == "a\\xff"
    assert value["predicate"]["name_b64"] == "Yf8="
    assert parse_manifest(to_json(Manifest(b"a\xff", (), 0))).name == b"a\xff"


@pytest.mark.parametrize(
    "paths", [[b"b", b"a"], [b"a", b"a"], [b"a", b"a/b"], [b"a", b"a-b", b"a/b"]]
)
def test_entries_out_of_order_are_not_written(paths: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"sorted|twice|below"):
        to_json(Manifest(b"x", tuple(map(file, paths)), 0))


Spoil = Callable[[dict[str, Any]], object]


def _first_file(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(e for e in value["predicate"]["files"] if e["type"] == "file")
    return found


def _entry(**changes: Any) -> Spoil:
    """A change to the first file; None takes a key out."""

    def spoil(value: dict[str, Any]) -> None:
        entry = _first_file(value)
        for key, new in changes.items():
            if new is None:
                del entry[key]
            else:
                entry[key] = new

    return spoil


def _predicate(**changes: Any) -> Spoil:
    return lambda value: value["predicate"].update(changes)


def _path(path: str) -> Spoil:
    def spoil(value: dict[str, Any]) -> None:
        value["predicate"]["files"] = [{**_first_file(value), "path": path}]

    return spoil


def _files(*paths: str) -> Spoil:
    def spoil(value: dict[str, Any]) -> None:
        value["predicate"]["files"] = [{**_first_file(value), "path": path} for path in paths]

    return spoil


def _link(**changes: Any) -> Spoil:
    def spoil(value: dict[str, Any]) -> None:
        link = {"path": "l", "type": "link", "mode": 511, "mtime_ns": "0", **changes}
        value["predicate"]["files"] = [link]

    return spoil


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda value: value.update(_type="https://in-toto.io/Statement/v0.1"), "in-toto"),
        (lambda value: value.update(_type=None), "in-toto"),
        (lambda value: value.pop("_type"), "in-toto"),
        (lambda value: value.update(predicateType="urn:gorillacomb:manifest:v2"), "version"),
        (lambda value: value.update(predicateType="https://slsa.dev/provenance/v1"), "predicate"),
        (lambda value: value.update(predicateType=["x"]), "predicate"),
        (lambda value: value.update(more=1), "unknown key 'more'"),
        (lambda value: value.pop("subject"), "has no 'subject'"),
        (lambda value: value.update(predicate=[]), "not a JSON object"),
        (lambda value: value.update(subject=[]), "one subject"),
        (lambda value: value.update(subject=value["subject"] * 2), "one subject"),
        (lambda value: value["subject"][0].update(name=""), "name"),
        (lambda value: value["subject"][0].update(name="../x"), "name of a folder"),
        (lambda value: value["subject"][0].update(name=".."), "name of a folder"),
        (lambda value: value["subject"][0].update(name=3), "name"),
        (lambda value: value["subject"][0].update(uri="x"), "unknown key"),
        (_predicate(name_b64="YQ=="), "name_b64 is valid UTF-8"),
        (_predicate(name_b64="Yf8="), "two names"),
        (_predicate(name_b64="!"), "base64"),
        (_predicate(name_b64=1), "name_b64 is not text"),
        (_predicate(version=2), "unknown key 'version'"),
        (_predicate(files={}), "not a list"),
        (_predicate(created_ns=5), "created_ns"),
        (_predicate(created_ns="5.0"), "created_ns"),
        (_predicate(created_ns="-0"), "created_ns"),
        (_predicate(created_ns="٣"), "created_ns"),
        (_predicate(created_ns="9" * 5000), "created_ns"),
        (_predicate(checkpoint=5), "checkpoint"),
        (_predicate(whole=1), "whole"),
        (_predicate(tool="x"), "tool"),
        (_predicate(tool={"name": "x"}), "tool"),
        (_predicate(tool={"name": "x", "version": 1}), "tool"),
        (_predicate(left_out={}), "left_out"),
        (_predicate(left_out=[{"path": "../x", "kind": "fifo", "cause": ""}]), "'..'"),
        (_predicate(left_out=[{"path": "x", "kind": "else", "cause": ""}]), "unknown kind"),
        (_predicate(left_out=[{"path": "x", "kind": "fifo"}]), "cause"),
        (_predicate(left_out=[{"path": "x", "kind": "fifo", "cause": ""}] * 2), "twice"),
        (
            _predicate(left_out=[{"path": "client/package.json", "kind": "gone", "cause": ""}]),
            "a path that has an entry",
        ),
        (lambda value: value["predicate"]["files"].append(3), "not a JSON object"),
        (lambda value: value["predicate"]["files"].reverse(), "sorted"),
        (_entry(type="fifo"), "type"),
        (_entry(type=None), "type"),
        (_entry(type=["file"]), "type"),
        (_entry(md5="0" * 32), "unknown key 'md5'"),
        (_entry(target="x"), "unknown key 'target'"),
        (_entry(blake3=None), "has no 'blake3'"),
        (_entry(sha256=None), "has no 'sha256'"),
        (_entry(seq=None), "has no 'seq'"),
        (_entry(blake3="0" * 63), "blake3"),
        (_entry(blake3="0" * 65), "blake3"),
        (_entry(blake3="G" * 64), "blake3"),
        (_entry(blake3="A" * 64), "blake3"),
        (_entry(sha256="0" * 64 + "\n"), "sha256"),
        (_entry(sha256=0), "sha256"),
        (_entry(sha256=["0" * 64]), "sha256"),
        (_entry(size=-1), "size"),
        (_entry(size="1"), "size"),
        (_entry(size=True), "size"),
        (_entry(size=[]), "size"),
        (_entry(seq=-1), "seq"),
        (_entry(seq="1"), "seq"),
        (_entry(mode=-1), "mode"),
        (_entry(mode=0o10000), "mode"),
        (_entry(mode="0644"), "mode"),
        (_entry(mode=True), "mode"),
        (_entry(mtime_ns=0), "mtime_ns"),
        (_entry(mtime_ns="+1"), "mtime_ns"),
        (_entry(mtime_ns="01"), "mtime_ns"),
        (_entry(path=None), "exactly one of path and path_b64"),
        (_entry(path_b64="Yf8="), "exactly one of path and path_b64"),
        (_entry(path=None, path_b64="YQ=="), "UTF-8"),
        (_entry(path=None, path_b64="Yf8"), "base64"),
        (_entry(path=None, path_b64="Yf9="), "base64"),
        (_entry(path=None, path_b64="Yf8=\n"), "base64"),
        (_entry(path=None, path_b64="Yf8é"), "base64"),
        (_entry(path=None, path_b64="Ly4uL/8="), "absolute"),
        (_entry(path=None, path_b64=""), "UTF-8"),
        (_entry(path=None, path_b64=5), "path"),
        (_entry(path=5), "path"),
        (_path(""), "empty part"),
        (_path("/etc/passwd"), "absolute"),
        (_path("//a"), "absolute"),
        (_path(".."), "'..'"),
        (_path("../a"), "'..'"),
        (_path("a/../b"), "'..'"),
        (_path("a/.."), "'..'"),
        (_path("."), "'.'"),
        (_path("./a"), "'.'"),
        (_path("a/./b"), "'.'"),
        (_path("a//b"), "empty part"),
        (_path("a/"), "empty part"),
        (_path("a\0b"), "NUL"),
        (_path("a/" * 40000 + "a"), "longer"),
        (_files("a", "a"), "twice"),
        (_files("b", "a"), "sorted"),
        (_files("a", "a/b"), "below a"),
        (_files("a", "a-", "a/b"), "below a"),
        (_files("a", "a.b", "a/b/c/d"), "below a"),
        (_link(), "exactly one of target and target_b64"),
        (_link(target="x", target_b64="Yf8="), "exactly one of target and target_b64"),
        (_link(target=""), "target"),
        (_link(target="a\0"), "target"),
        (_link(target="x", size=1), "unknown key 'size'"),
        (_link(type="dir", target="x"), "unknown key 'target'"),
        (_link(type="dir", size=0), "unknown key 'size'"),
    ],
)
def test_what_is_hostile_is_refused(spoil: Spoil, word: str) -> None:
    value = document()
    spoil(value)
    try:
        data = resealed(value)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        data = json.dumps(value).encode()
    with pytest.raises(UntrustedInput) as caught:
        parse_manifest(data)
    assert word in caught.value.message
    assert caught.value.message.startswith("The manifest is refused: ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["..", "../x", "/x", "x/../../y", "./x", "x//y"])
def test_hostile_paths_are_refused_in_the_layout_that_is_read_fast(name: str) -> None:
    line = entry_json(file(b"PATH")).replace(b"PATH", name.encode())
    data = to_json(Manifest(b"x", (file(b"PATH"),), 0))
    digest = sha256(b"[" + line + b"]").hexdigest().encode()
    old = sha256(b"[" + entry_json(file(b"PATH")) + b"]").hexdigest().encode()
    data = data.replace(entry_json(file(b"PATH")), line).replace(old, digest)
    assert digest in data
    with pytest.raises(UntrustedInput):
        parse_manifest(data)


def test_an_edited_file_does_not_fit_the_subject() -> None:
    data = to_json(SAMPLE).replace(b'"mode":493', b'"mode":511', 1)
    with pytest.raises(UntrustedInput, match="subject's digest is not that of its files"):
        parse_manifest(data)


def test_counts_that_are_not_true_are_refused() -> None:
    data = to_json(SAMPLE).replace(b'"links":2', b'"links":3', 1)
    with pytest.raises(UntrustedInput, match="counts"):
        parse_manifest(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"whole": true', b'"whole": true, "whole": true'),
        (b'"type":"dir"', b'"type":"dir","type":"file"'),
        (b'"files": [', b'"files": [], "files": ['),
        (b'"predicate": {', b'"predicate": {}, "predicate": {'),
        (b'"_type"', b'"predicate": {}, "_type"'),
        (b'{"digest":{', b'{"digest":{},"digest":{'),
    ],
)
def test_keys_that_stand_twice_are_refused(old: bytes, new: bytes) -> None:
    data = to_json(SAMPLE)
    assert old in data
    with pytest.raises(UntrustedInput, match="twice"):
        parse_manifest(data.replace(old, new, 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"3",
        b'"x"',
        b"\xff",
        b"{" * 100_000,
        to_json(SAMPLE) + b"x",
        to_json(SAMPLE) * 2,
        b"\xef\xbb\xbf" + to_json(SAMPLE),
        to_json(SAMPLE).replace(b'"mode":493', b'"mode":493.0'),
        to_json(SAMPLE).replace(b'"mode":493', b'"mode":4.93e2'),
        to_json(SAMPLE).replace(b'"mode":493', b'"mode":NaN'),
        to_json(SAMPLE).replace(b'"size":1', b'"size":99999999999999999999'),
        to_json(SAMPLE).replace(b"package", b"pack\xffage"),
        to_json(SAMPLE).replace(b"package", b"pack\\ud800age"),
    ],
    ids=range(17),
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        parse_manifest(data)


@pytest.mark.parametrize("opener", [b"[", b'{"a":', b'[{"a":'])
def test_deep_nesting_is_refused_quickly(opener: bytes) -> None:
    data = opener * (100_000_000 // len(opener))
    before = time.process_time()
    with pytest.raises(UntrustedInput):
        parse_manifest(data)
    assert time.process_time() - before < 5


def test_more_than_any_manifest_has_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(UntrustedInput, match="more parts"):
        parse_manifest(b"[" + b"{}," * 20_000_001 + b"{}]")


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MOST_BYTES", 100)
    with pytest.raises(UntrustedInput, match="larger than"):
        parse_manifest(to_json(SAMPLE))


def test_cut_short_anywhere_it_is_refused() -> None:
    data = to_json(SAMPLE)
    assert parse_manifest(data[:-1]) == SAMPLE  # without the line end it is the same JSON
    for end in range(len(data) - 1):
        with pytest.raises(UntrustedInput):
            parse_manifest(data[:end])


def _careful(data: bytes) -> Manifest | None:
    """What the reading that knows no layout makes of it."""
    try:
        return validated_manifest(jcs.parse_strict(data, "it"))
    except (UntrustedInput, MalformedManifest):
        return None


def _pieces() -> st.SearchStrategy[bytes]:
    return st.one_of(
        st.binary(max_size=2),
        st.sampled_from([b'"files": [\n', b",\n", b"\n]}}\n", b"]", b"}", b"{", b"[", b"\\u0061"]),
    )


@given(manifests(), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), _pieces()), max_size=3))
def test_reading_by_lines_lets_in_nothing_that_careful_reading_refuses(
    manifest: Manifest, edits: list[tuple[float, int, bytes]]
) -> None:
    data = to_json(manifest)
    for where, length, piece in edits:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + length :]
    try:
        fast = parsing._read_by_lines(data)
    except MalformedManifest:
        fast = None
    if fast is not None:
        assert _careful(data) == fast
    try:
        assert parse_manifest(data) == _careful(data)
    except UntrustedInput:
        assert _careful(data) is None


@given(manifests())
def test_what_is_written_is_read_by_lines(manifest: Manifest) -> None:
    found = parsing._read_by_lines(to_json(manifest))
    assert found == (manifest if manifest.entries else None)


def test_entries_of_every_type_have_their_keys() -> None:
    entries = document()["predicate"]["files"]
    keys = {e["type"]: set(e) for e in entries if "path" in e and "target_b64" not in e}
    common = {"path", "type", "mode", "mtime_ns"}
    assert keys["dir"] == common
    assert keys["link"] == common | {"target"}
    assert keys["file"] == common | {"size", "blake3", "sha256", "seq"}
    assert json.loads(entry_json(ManifestEntry(b"\xff", "dir", 0))).keys() == (
        common - {"path"}
    ) | {"path_b64"}
