"""A manifest's two files: itself, and the envelope with its signature beside it."""

from __future__ import annotations

import os

from gorillacomb.errors import RefusedForSafety, UntrustedInput, UsageError
from gorillacomb.fs.bounded_read import UnexpectedFile, is_standard_input, read_document
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.output_file import write_file
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.manifest.envelope import ENDING, MOST_BYTES
from gorillacomb.manifest.parse import MOST_BYTES as MOST_MANIFEST_BYTES


def envelope_path(path: bytes) -> bytes:
    """Where the envelope of a manifest stands."""
    return path + os.fsencode(ENDING)


def refuse_to_replace(path: bytes, signed: bool) -> None:
    """Raise Refused when something stands where a manifest is to be written."""
    for each in (path, envelope_path(path)) if signed else (path,):
        if os.path.lexists(each):
            raise RefusedForSafety(
                f"{os.fsdecode(each)} is there already.",
                "Name another one with -o, or give --force.",
            )


def write_manifest(path: bytes, manifest: bytes, envelope: bytes | None, replace: bool) -> None:
    """Write both files, each whole and synced; the manifest last, so that it is never unsigned.

    Raises Refused when something stands there, UsageFault when its folder does not, OSError.
    """
    if envelope is not None:
        write_file(envelope_path(path), envelope, replace)
    elif replace and os.path.lexists(envelope_path(path)):
        os.unlink(envelope_path(path))  # it is that of the manifest that is replaced
    write_file(path, manifest, replace)


def read_manifest(path: bytes) -> tuple[bytes, bytes | None]:
    """The bytes of a manifest and of its envelope, None for one that has none.

    A manifest from standard input (``-``) has none.
    Raises UsageFault for a manifest that cannot be read, Untrusted for what is no file.
    """
    try:
        manifest = _read(path, MOST_MANIFEST_BYTES)
    except OSError as error:
        raise UsageError(
            f"The manifest {os.fsdecode(path)} cannot be read: {os_error_text(error)}.",
            "Make one first: gorillacomb manifest PATH -o FILE"
            if isinstance(error, FileNotFoundError)
            else "Check its permissions, those of the folders above it, and its disk.",
        ) from error
    if is_standard_input(path):
        return manifest, None
    try:
        return manifest, _read(envelope_path(path), MOST_BYTES)
    except FileNotFoundError:
        return manifest, None
    except OSError as error:
        raise UsageError(
            f"The envelope {os.fsdecode(envelope_path(path))} cannot be read: "
            f"{os_error_text(error)}.",
            "Check its permissions, or move it away to go without a signature.",
        ) from error


def _read(path: bytes, most: int) -> bytes:
    if os.path.isdir(path):
        raise UsageError(
            f"{os.fsdecode(path)} is a folder.", "Name the manifest's file, not its folder."
        )
    try:
        return read_document(path, most)
    except UnexpectedFile:
        raise UntrustedInput(
            f"{os.fsdecode(path)} is refused: it is no file, or far too large."
        ) from None


def paths_below(root: bytes, path: bytes) -> frozenset[bytes]:
    """Where a manifest and its envelope stand below a root; nothing if they are elsewhere."""
    if is_standard_input(path):
        return frozenset()
    top = os.path.realpath(root)
    folder, name = os.path.split(os.path.abspath(path))
    place = os.path.join(os.path.realpath(folder), name)
    if place == top or not is_below(place, top):
        return frozenset()
    return frozenset({relative_path(place, top), relative_path(envelope_path(place), top)})
