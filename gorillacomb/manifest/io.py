"""Read and write a manifest's two files: the manifest, and the envelope with its signature."""

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
    """Return the path of a manifest's envelope."""
    return path + os.fsencode(ENDING)


def refuse_to_replace(path: bytes, signed: bool) -> None:
    """Raise RefusedForSafety if something already exists where a manifest is to be written."""
    for each in (path, envelope_path(path)) if signed else (path,):
        if os.path.lexists(each):
            raise RefusedForSafety(
                f"{os.fsdecode(each)} is there already.",
                "Name another one with -o, or give --force.",
            )


def write_manifest(path: bytes, manifest: bytes, envelope: bytes | None, replace: bool) -> None:
    """Write both files atomically with fsync; the manifest last, so that it is never unsigned.

    Raises RefusedForSafety if something exists there, UsageError if its folder does not, OSError.
    """
    if envelope is not None:
        write_file(envelope_path(path), envelope, replace)
    elif replace and os.path.lexists(envelope_path(path)):
        os.unlink(envelope_path(path))  # it belongs to the replaced manifest
    write_file(path, manifest, replace)


def read_manifest(path: bytes) -> tuple[bytes, bytes | None]:
    """Return the bytes of a manifest and of its envelope, None if it has none.

    A manifest from standard input (``-``) has none. Raises UsageError for a manifest that cannot be
    read, UntrustedInput for what is not a file.
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
            f"{os.fsdecode(path)} is refused: it is not a file, or far too large."
        ) from None


def paths_below(root: bytes, path: bytes) -> frozenset[bytes]:
    """Return the paths of a manifest and its envelope below a root; empty if they are elsewhere."""
    if is_standard_input(path):
        return frozenset()
    top = os.path.realpath(root)
    folder, name = os.path.split(os.path.abspath(path))
    place = os.path.join(os.path.realpath(folder), name)
    if place == top or not is_below(place, top):
        return frozenset()
    return frozenset({relative_path(place, top), relative_path(envelope_path(place), top)})
