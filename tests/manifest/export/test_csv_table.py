"""The CSV table: Python's csv reads back all that the manifest says, and so does SQLite's shell."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path

from gorillacomb.manifest.export.csv_table import COLUMNS, table
from gorillacomb.manifest.model import ManifestEntry
from tests.manifest.export.exports import manifest_of, odd_tree
from tests.support.trees import Link, make_tree


def read_back(data: bytes) -> list[ManifestEntry]:
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    return [
        ManifestEntry(
            _path(row, "path") or b"",
            row["type"],  # type: ignore[arg-type]
            int(row["mode"], 8),
            int(row["size"]),
            int(row["mtime_ns"]),
            _path(row, "target"),
            row["blake3"] or None,
            row["sha256"] or None,
            int(row["seq"]) if row["seq"] else None,
        )
        for row in rows
    ]


def _path(row: dict[str, str], column: str) -> bytes | None:
    text, encoded = row[column], row[f"{column}_b64"]
    assert not (text and encoded)
    return base64.b64decode(encoded, validate=True) if encoded else text.encode() or None


def test_all_comes_back(tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree")
    make_tree(top / "kinds", {"link": Link('a,"b"\r\n'), "odd": Link(b"\xff"), "empty": {}})
    (top / "plain").chmod(0o4711)
    manifest = manifest_of(top)
    exported = table(manifest)
    assert exported.left_out == ()
    assert exported.entries == len(manifest.entries)
    assert read_back(exported.data) == list(manifest.entries)


def test_the_header_and_line_ends_are_those_of_rfc_4180(tmp_path: Path) -> None:
    manifest = manifest_of(make_tree(tmp_path / "tree", {'a "b", c': "x"}))
    lines = table(manifest).data.split(b"\r\n")
    assert lines[0].decode() == ",".join(COLUMNS)
    assert lines[1].startswith(b'"a ""b"", c",,file,0')
    assert lines[2:] == [b""]
