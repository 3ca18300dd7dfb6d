"""Write a manifest in the formats of other tools."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from gorillacomb.api.documents.manifest import ExportDocument, export_document
from gorillacomb.api.manifest import FolderManifest
from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.errors import RefusedForSafety, UntrustedInput, UsageError

if TYPE_CHECKING:
    from gorillacomb.api.keys import UserKey as UserKey
    from gorillacomb.manifest.export.result import ExportResult
    from gorillacomb.manifest.export.result import OmittedEntry as OmittedEntry
    from gorillacomb.manifest.model import Manifest

__all__ = ["FORMATS", "ExportFormat", "ManifestExport", "export_manifest"]

ExportFormat = Literal["sha256sum", "b3sum", "bagit", "mtree", "oms", "csv"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)


@dataclass(frozen=True, slots=True)
class ManifestExport:
    """A manifest in another format."""

    form: ExportFormat
    path: bytes | None
    """The absolute path of what was written; None if nothing was."""
    data: bytes
    """The content of the file; empty for a bag."""
    entries: int
    """How many entries were written in the format."""
    left_out: tuple[OmittedEntry, ...]
    """Entries that it cannot represent."""
    lacks: int
    """How many entries are missing from the manifest itself."""
    failed: tuple[OmittedEntry, ...] = ()
    """Files that differ from the manifest: no bag was created."""
    key: UserKey | None = None
    """The key that signed."""

    def to_dict(self) -> ExportDocument:
        """Return the document of ``export --json``."""
        failed = self.failed if self.form == "bagit" else None
        return export_document(self.form, self.path, self.entries, self.left_out, failed, self.key)


def export_manifest(
    manifest: FolderManifest | PathInput,
    form: ExportFormat,
    output: PathInput | None = None,
    *,
    root: PathInput | None = None,
    replace: bool = False,
    made: Callable[[UserKey], object] | None = None,
) -> ManifestExport:
    """Write a manifest, one just created or one in a file, in another format.

    Without ``output`` nothing is written, and the result has the content. A bag is created in a new
    folder, from the files in ``root``, which is found as `verify_manifest` does. ``replace`` allows
    overwriting a file. ``oms`` is signed by a key of the user's; if it has to be created, ``made``
    is called. A manifest's signature is not checked, but one that belongs to another manifest is
    refused.

    Raises UsageError, RefusedForSafety for an output that exists, UntrustedInput for a malformed
    manifest, KeyMissing.
    """
    place = None if output is None else os.fsencode(output)
    if form == "bagit":
        return _make_bag(manifest, root, place)
    from gorillacomb.fs.output_file import write_file

    if place is not None and not isinstance(manifest, FolderManifest):
        _refuse_itself(os.fsencode(manifest), place)
    content = _content(manifest)
    exported, key = _exported(content, form, made)
    if place is not None:
        write_file(place, exported.data, replace=replace)
        place = os.path.abspath(place)
    return ManifestExport(
        form,
        place,
        exported.data,
        exported.entries,
        exported.left_out,
        len(content.lacks),
        key=key,
    )


def _exported(
    manifest: Manifest, form: ExportFormat, made: Callable[[UserKey], object] | None
) -> tuple[ExportResult, UserKey | None]:
    """Return the manifest in a single-file format, and the key that signed it, if any."""
    if form in ("sha256sum", "b3sum"):
        from gorillacomb.manifest.export import sums

        return (sums.sha256sum if form == "sha256sum" else sums.b3sum)(manifest), None
    if form == "mtree":
        from gorillacomb.manifest.export.mtree import specification

        return specification(manifest), None
    if form == "csv":
        from gorillacomb.manifest.export.csv_table import table

        return table(manifest), None
    if form != "oms":
        raise UsageError(f"{form} is not a format.", f"Choose one of {', '.join(FORMATS)}.")
    from gorillacomb.api.keys import user_key
    from gorillacomb.manifest.export.oms import bundle
    from gorillacomb.vaultmesh.keys.keys import EcdsaSigningKey

    key = user_key("ecdsa", made)
    assert isinstance(key.signing, EcdsaSigningKey), "it is of the kind that was asked for"
    return bundle(manifest, key.signing), key


def _make_bag(
    manifest: FolderManifest | PathInput, root: PathInput | None, place: bytes | None
) -> ManifestExport:
    from gorillacomb.api.verify import default_root
    from gorillacomb.manifest.export.bagit import make_bag

    if place is None:
        raise UsageError("A bag is a folder.", "Name a new one.")
    content = _content(manifest)
    if root is not None:
        source = os.fsencode(root)
    elif isinstance(manifest, FolderManifest):
        source = manifest.root
    else:
        source = default_root(os.fsencode(manifest), content)
    done = make_bag(content, source, place, time.time_ns())
    written = None if done.failed else os.path.abspath(place)
    return ManifestExport(
        "bagit", written, b"", done.entries, done.left_out, len(content.lacks), done.failed
    )


def _refuse_itself(file: bytes, output: bytes) -> None:
    """Raise RefusedForSafety if the output would overwrite the manifest."""
    try:
        is_same = file != b"-" and os.path.samefile(file, output)
    except OSError:
        return
    if is_same:
        raise RefusedForSafety(
            "The output would overwrite the manifest.", "Name another file with -o."
        )


def _content(manifest: FolderManifest | PathInput) -> Manifest:
    """Return what a manifest says. Raises UsageError, UntrustedInput."""
    if isinstance(manifest, FolderManifest):
        return manifest.manifest
    from gorillacomb.manifest import io
    from gorillacomb.manifest.envelope import check_signatures
    from gorillacomb.manifest.parse import parse_manifest

    file = os.fsencode(manifest)
    data, envelope = io.read_manifest(file)
    # Whether to trust the key is up to `verify`; but another manifest's signature beside this one
    # means that it was edited.
    check = check_signatures(data, envelope, ())
    if check.state == "invalid":
        raise UntrustedInput(
            f"{path_text(file)} is refused: {check.cause}.",
            "Restore the manifest that was signed.",
        )
    return parse_manifest(data)
