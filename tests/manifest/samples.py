"""Manifests for tests: values, and documents that can be spoiled piece by piece."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from gorillacomb.manifest.builder import build
from gorillacomb.manifest.model import LACKS, ODDITIES, Manifest, ManifestEntry, OmittedPath
from gorillacomb.manifest.serialize import to_json
from gorillacomb.vaultmesh import jcs

NOW = 1_700_000_000_000_000_000


def made(top: Path, **options: Any) -> Manifest:
    """The manifest of a folder, read in this process unless told otherwise."""
    options.setdefault("workers", 0)
    return build(os.fsencode(top), NOW, **options)


def file(path: bytes, content: bytes = b"x", **changes: Any) -> ManifestEntry:
    """The entry of a file; its BLAKE3 is made up."""
    fields: dict[str, Any] = {
        "path": path,
        "type": "file",
        "mode": 0o644,
        "size": len(content),
        "mtime_ns": NOW,
        "blake3": sha256(b"blake3" + content).hexdigest(),
        "sha256": sha256(content).hexdigest(),
    }
    return ManifestEntry(**{**fields, **changes})


SAMPLE = Manifest(
    b"HealthTrack",
    (
        ManifestEntry(b"assets", "dir", 0o755, mtime_ns=NOW),
        ManifestEntry(b"client/latest", "link", 0o777, mtime_ns=NOW, target=b"../server/index.ts"),
        file(b"client/package.json", b"{}"),
        file('client/\u00e9\u65e5\U0001f98d "\\\n.tsx'.encode(), seq=7),
        file(b"server/index.ts", mode=0o755),
        ManifestEntry(b"server/odd", "link", 0o777, mtime_ns=-5, target=b"\xff"),
        file(b"server/\xff\xfe", b""),
    ),
    NOW,
    "a checkpoint\n",
    True,
    (
        OmittedPath(b"server/socket", "socket"),
        OmittedPath(b"server/x\xff", "unreadable", "no permission"),
    ),
)


def document() -> dict[str, Any]:
    """The sample as JSON values."""
    found: dict[str, Any] = json.loads(to_json(SAMPLE))
    return found


def resealed(value: dict[str, Any]) -> bytes:
    """A document as bytes, with counts and digest made to fit what its files now are."""
    files = value["predicate"]["files"]
    kinds = [each.get("type") for each in files]
    value["predicate"]["counts"] = {
        "files": kinds.count("file"),
        "links": kinds.count("link"),
        "dirs": kinds.count("dir"),
        "bytes": sum(each.get("size", 0) for each in files if each.get("type") == "file"),
    }
    value["subject"][0]["digest"] = {"sha256": sha256(jcs.canonical_json(files)).hexdigest()}
    return json.dumps(value).encode()


_part = st.one_of(
    st.sampled_from(
        [b"a", b"b", b"a-b", b"a b", b"\xff", b"...", b".a", b"\n", b'"', b"\\", b"\x7f"]
    ),
    st.text(min_size=1, max_size=3).map(lambda text: text.encode("utf-8", "replace")),
    st.binary(min_size=1, max_size=3),
).filter(lambda part: part not in (b".", b"..") and b"/" not in part and b"\0" not in part)
paths = st.lists(_part, min_size=1, max_size=3).map(b"/".join)
_times = st.integers(-(10**18), 10**20) | st.integers(-(1 << 63), (1 << 63) - 1).map(
    lambda s: s * 10**9
)
_digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
_modes = st.integers(0, 0o7777)


def _entries(path: bytes) -> st.SearchStrategy[ManifestEntry]:
    files = st.builds(
        ManifestEntry,
        path=st.just(path),
        type=st.just("file"),
        mode=_modes,
        size=st.integers(0, 1 << 49),
        mtime_ns=_times,
        blake3=_digests,
        sha256=_digests,
        seq=st.none() | st.integers(0, (1 << 53) - 1),
    )
    targets = st.binary(min_size=1, max_size=9).filter(lambda target: b"\0" not in target)
    links = st.builds(
        ManifestEntry,
        path=st.just(path),
        type=st.just("link"),
        mode=_modes,
        mtime_ns=_times,
        target=targets | paths,
    )
    folders = st.builds(
        ManifestEntry, path=st.just(path), type=st.just("dir"), mode=_modes, mtime_ns=_times
    )
    return st.one_of(files, files, links, folders)


def _without_nesting(found: set[bytes]) -> list[bytes]:
    return sorted(
        path
        for path in found
        if not any(path.startswith(other + b"/") for other in found if other != path)
    )


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any manifest that can be written."""
    all_paths = _without_nesting(draw(st.sets(paths, max_size=8)))
    cut = draw(st.integers(0, len(all_paths)))
    mixed = draw(st.permutations(all_paths))
    entries = tuple(draw(_entries(path)) for path in sorted(mixed[:cut]))
    kinds = st.sampled_from([*LACKS, *ODDITIES])
    left_out = tuple(
        OmittedPath(path, draw(kinds), draw(st.text("abc é", max_size=5)))
        for path in sorted(mixed[cut:])
    )
    name = draw(_part)
    checkpoint = draw(st.none() | st.text("ab\n —", max_size=9))
    return Manifest(name, entries, draw(_times), checkpoint, draw(st.booleans()), left_out)


__all__ = ["NOW", "SAMPLE", "document", "file", "made", "manifests", "resealed"]
