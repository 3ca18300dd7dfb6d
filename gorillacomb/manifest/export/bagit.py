"""A bag (BagIt 1.0, RFC 8493): a copy of the files in a new folder, with their digests.

The source is only read. What is copied is compared with both digests of the manifest, and the bag
gets its name only once it is complete.

A path in a bag's manifest is UTF-8 on a line of its own, with ``%0D`` and ``%0A`` for a carriage
return and a newline. RFC 8493 requires ``%25`` for a percent sign as well, but bagit-python, the
reference for other implementations, neither writes nor reads that. So a percent sign is left as it
is, which both read alike unless it begins one of these three; such names are omitted, and so are
those that bagit-python cannot read back from a line.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import secrets
import shutil
import stat
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from gorillacomb import __version__
from gorillacomb.errors import RefusedForSafety, UntrustedInput, UsageError
from gorillacomb.fs import mutations
from gorillacomb.fs.durable_files import sync_folder
from gorillacomb.fs.openat import os_error_text, refuse_placeholder
from gorillacomb.fs.output_file import output_error, require_folder
from gorillacomb.fs.paths import is_below, path_parts
from gorillacomb.hashing import digest_of_descriptor, pieces
from gorillacomb.manifest.export.result import (
    PATH_MAX,
    OmissionRule,
    OmittedEntry,
    no_readable_file,
    split_by_rule,
    utf8_or_none,
)
from gorillacomb.manifest.model import Manifest, ManifestEntry

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to block on a writer if a pipe has replaced a file.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_LINE_ENDS = re.compile("[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
"""Where Python splits lines of text, besides CR and LF."""
_AMBIGUOUS = re.compile("%(0A|0D|25)", re.IGNORECASE)
_MOST_ESCAPES = 2
"""Number of each escape that bagit-python decodes in a path."""


@dataclass(frozen=True, slots=True)
class BagResult:
    """The result of making a bag."""

    entries: int
    """The number of files in the bag."""
    left_out: tuple[OmittedEntry, ...] = ()
    failed: tuple[OmittedEntry, ...] = ()
    """Files that do not match the manifest; if there are any, no bag was made."""


class _SourceChanged(Exception):
    """A source file does not match the manifest."""


def make_bag(manifest: Manifest, root: bytes, place: bytes, now_ns: int) -> BagResult:
    """Copy the files of a manifest from the folder ``root`` into a bag at ``place``.

    ``place`` must be new or an empty folder, outside of ``root``. Modes (without set-id bits;
    always readable by the owner) and times of the files are kept. Raises RefusedForSafety,
    UntrustedInput, UsageError; an incomplete bag is then removed.
    """
    place = os.path.abspath(place)
    _check_place(place, root)
    _check_paths(manifest)
    entries, left_out = split_by_rule(manifest.entries, _beyond_bagit(len(place)))
    source = _open_root(root)
    name = b".gorillacomb-%s.partial" % secrets.token_hex(4).encode()
    partial = os.path.join(os.path.dirname(place), name)
    try:
        os.mkdir(partial, 0o700)
        try:
            failed = tuple(_copy_all(entries, source, partial))
            if failed:
                shutil.rmtree(partial)
                return BagResult(0, left_out, failed)
            _write_tags(partial, entries, now_ns)
            os.chmod(partial, _folder_mode(source))
            os.sync()  # one for all of them; fsync per file takes longer than copying
            _put_in_place(partial, place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise output_error(place, error) from error
    finally:
        os.close(source)
    return BagResult(len(entries), left_out)


def _check_place(place: bytes, root: bytes) -> None:
    shown = os.fsdecode(place)
    require_folder(os.path.dirname(place))
    if is_below(os.path.realpath(place), os.path.realpath(root)):
        raise RefusedForSafety(
            f"The bag {shown} would be inside the folder that it is made from.",
            "Name a place outside it with -o.",
        )
    if os.path.lexists(place) and (
        os.path.islink(place) or not os.path.isdir(place) or os.listdir(place)
    ):
        raise _taken(place)


def _check_paths(manifest: Manifest) -> None:
    """Check that nothing outside the root is opened; parsed manifests have no such paths."""
    for entry in manifest.entries:
        if not {b"", b".", b".."}.isdisjoint(entry.path.split(b"/")):
            raise UntrustedInput("A path in the manifest leads out of its folder, or is not plain.")


def _taken(place: bytes) -> RefusedForSafety:
    return RefusedForSafety(
        f"{os.fsdecode(place)} is there already, and a bag is written into a new folder only.",
        "Name another one with -o.",
    )


def _open_root(root: bytes) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(
            f"The folder {os.fsdecode(root)} cannot be read: {os_error_text(error)}.",
            "Name the folder with the files by --root.",
        ) from error


def _put_in_place(partial: bytes, place: bytes) -> None:
    """Rename the complete bag into place; replace an empty folder, and refuse anything else."""
    try:
        os.rename(partial, place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise _taken(place) from error
        raise
    sync_folder(os.path.dirname(place))


def _beyond_bagit(room_taken: int) -> OmissionRule:
    """Return the rule for a bag whose own path has ``room_taken`` bytes."""
    seen: dict[str, bytes] = {}

    def rule(entry: ManifestEntry) -> str | None:
        cause = no_readable_file(entry)
        if cause is not None:
            return cause
        if room_taken + len(b"/data/") + len(entry.path) >= PATH_MAX:
            return "a path that would be too long in the bag"
        text = utf8_or_none(entry.path)
        cause = "a name that is not UTF-8, and a bag knows no other"
        if text is not None:
            cause = _unreadable_line(text)
        if text is None or cause is not None:
            return cause
        if seen.setdefault(unicodedata.normalize("NFC", text), entry.path) != entry.path:
            return "a name that differs from another one only in its Unicode normalization"
        return None

    return rule


def _unreadable_line(path: str) -> str | None:
    """Return why bagit-python would misread a path's line; None if it does not."""
    if _LINE_ENDS.search(path):
        return "a name with a character that ends a line"
    if max(path.count("\r"), path.count("\n")) > _MOST_ESCAPES:
        return f"a path with more than {_MOST_ESCAPES} newlines, which bagit-python misreads"
    if _AMBIGUOUS.search(path):
        return "a name with %0A, %0D or %25 in it, which readers of bags decode"
    if _escaped(path) != _escaped(path).rstrip():
        return "a name that ends in white space, which bagit-python drops"
    return None


def _escaped(path: str) -> str:
    return path.replace("\r", "%0D").replace("\n", "%0A")


def _copy_all(
    entries: Iterable[ManifestEntry], source: int, partial: bytes
) -> Iterator[OmittedEntry]:
    """Copy files into the payload; yield those that are not as recorded."""
    data = os.path.join(partial, b"data")
    os.mkdir(data, 0o700)
    os.chmod(data, _folder_mode(source))
    payload = os.open(data, _FOLDER)
    try:
        for folder, group in itertools.groupby(entries, lambda entry: os.path.dirname(entry.path)):
            yield from _copy_folder(folder, list(group), source, payload)
    finally:
        os.close(payload)


def _copy_folder(
    folder: bytes, entries: list[ManifestEntry], source: int, payload: int
) -> Iterator[OmittedEntry]:
    try:
        here, there = _open_both(folder, source, payload)
    except _SourceChanged as error:
        yield from (OmittedEntry(entry.path, str(error)) for entry in entries)
        return
    try:
        for entry in entries:
            try:
                _copy(entry, here, there)
            except _SourceChanged as error:
                yield OmittedEntry(entry.path, str(error))
    finally:
        os.close(here)
        os.close(there)


def _open_both(folder: bytes, source: int, payload: int) -> tuple[int, int]:
    """Open a folder below the source without following links, and its counterpart in the bag."""
    here, there = os.dup(source), os.dup(payload)
    try:
        for name in path_parts(folder):
            try:
                inner = os.open(name, _FOLDER, dir_fd=here)
            except OSError as error:
                raise _SourceChanged(
                    f"its folder cannot be opened: {os_error_text(error)}"
                ) from error
            os.close(here)
            here = inner
            with suppress(FileExistsError):  # created for an earlier entry
                os.mkdir(name, 0o700, dir_fd=there)
            inner = os.open(name, _FOLDER, dir_fd=there)
            os.close(there)
            there = inner
            os.fchmod(there, _folder_mode(here))
    except BaseException:
        os.close(here)
        os.close(there)
        raise
    return here, there


def _folder_mode(source: int) -> int:
    """Return the mode of a folder in the bag: the source's, but always open to its owner."""
    return os.fstat(source).st_mode & 0o777 | 0o700


def _copy(entry: ManifestEntry, here: int, there: int) -> None:
    """Copy one file. Raises _SourceChanged unless the copy matches the manifest."""
    name = os.path.basename(entry.path)
    try:
        if sys.platform == "darwin":
            refuse_placeholder(name, here)
        source = os.open(name, _FILE, dir_fd=here)
    except OSError as error:
        missing = error.errno == errno.ENOENT
        link = error.errno == errno.ELOOP
        raise _SourceChanged(
            "missing" if missing else "it is a link now" if link else os_error_text(error)
        ) from error
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            raise _SourceChanged("it is not a file now")
        target = os.open(name, _NEW, 0o600, dir_fd=there)
        try:
            _copy_content(entry, source, target)
            os.fchmod(target, entry.mode & 0o777 | stat.S_IRUSR)
            with suppress(OverflowError):  # a time outside the file system's range
                os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_content(entry: ManifestEntry, source: int, target: int) -> None:
    digest = sha256()
    sparse = mutations.has_holes(os.fstat(source))
    total = 0
    found = pieces(source, entry.size)
    while True:
        try:
            piece = next(found, None)
        except OSError as error:
            raise _SourceChanged(os_error_text(error)) from error
        if piece is None:
            break
        digest.update(piece)
        mutations.write_piece(target, piece, total, sparse)
        total += len(piece)
    mutations.set_size(target, total)
    os.lseek(target, 0, os.SEEK_SET)
    # BLAKE3 is computed from the copy, to verify the copy itself.
    if (
        total != entry.size
        or digest.hexdigest() != entry.sha256
        or digest_of_descriptor(target, total)[0].hex() != entry.blake3
    ):
        raise _SourceChanged("its content is not the recorded one")


def _write_tags(partial: bytes, entries: list[ManifestEntry], now_ns: int) -> None:
    total = sum(entry.size for entry in entries)
    day = datetime.fromtimestamp(now_ns // 10**9, UTC).date().isoformat()
    info = (
        ("Bag-Software-Agent", f"gorillacomb {__version__}"),
        ("Bagging-Date", day),
        ("Payload-Oxum", f"{total}.{len(entries)}"),
        ("Bag-Size", _size(total)),
    )
    payload = "".join(f"{e.sha256}  data/{_escaped(e.path.decode())}\n" for e in entries)
    tags = {
        "bag-info.txt": "".join(f"{label}: {value}\n" for label, value in info),
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-sha256.txt": payload,
    }
    digests = [f"{sha256(text.encode()).hexdigest()}  {name}\n" for name, text in tags.items()]
    for name, text in {**tags, "tagmanifest-sha256.txt": "".join(digests)}.items():
        with open(os.path.join(partial, name.encode()), "xb") as file:
            file.write(text.encode())


def _size(count: int) -> str:
    """Format the approximate size of the payload for people: 260 GB."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
