"""A CSV table (RFC 4180) for spreadsheets and scripts, with everything that a manifest says."""

from __future__ import annotations

import csv
import io

from gorillacomb.json_paths import path_columns
from gorillacomb.manifest.export.result import ExportResult
from gorillacomb.manifest.model import Manifest

COLUMNS = (
    *("path", "path_b64", "type", "mode", "size", "mtime_ns"),
    *("target", "target_b64", "blake3", "sha256", "seq"),
)


def table(manifest: Manifest) -> ExportResult:
    """Return a row per entry, below a header.

    A path is in ``path`` if it is UTF-8, otherwise in base64 in ``path_b64``; likewise a link's
    target. The mode is octal. Fields that an entry does not have are empty.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for entry in manifest.entries:
        writer.writerow(
            [
                *path_columns(entry.path),
                entry.type,
                f"{entry.mode:04o}",
                entry.size,
                entry.mtime_ns,
                *path_columns(entry.target),
                entry.blake3,
                entry.sha256,
                entry.seq,
            ]
        )
    return ExportResult(text.getvalue().encode("utf-8"), len(manifest.entries))
