"""A file system that tells other sizes than its files have, as mounts of cloud drives do (FUSE)."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_HEADER = struct.Struct("<IIQQIIII")  # include/uapi/linux/fuse.h: struct fuse_in_header
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _RELEASE = 1, 2, 3, 14, 15, 17, 18
_INIT, _OPENDIR, _READDIR, _RELEASEDIR, _BATCH_FORGET = 26, 27, 28, 29, 42
_DIRECT_IO = 1
_ROOT = 1
_TIME = 1_600_000_000


@dataclass
class ToldFile:
    """A file, and what is told of it."""

    told: int
    """The size in bytes that stat gives."""
    content: Callable[[], bytes]
    """What a reader gets who begins at its beginning."""
    most: int = 1 << 17
    """Bytes that one call reads."""


class _Server:
    def __init__(self, device: int, files: dict[bytes, ToldFile]) -> None:
        self._device = device
        self._files = files
        self._names = sorted(files)
        self._read: dict[int, bytes] = {}

    def run(self) -> None:
        while True:
            try:
                request = os.read(self._device, 1 << 18)
            except OSError:
                return  # it was unmounted
            _, code, unique, node, *_ = _HEADER.unpack_from(request)
            if code in (_FORGET, _BATCH_FORGET):
                continue
            try:
                answer, error = self._answer(code, node, request[_HEADER.size :]), 0
            except OSError as failure:
                answer, error = b"", failure.errno or errno.EIO
            head = struct.pack("<IiQ", 16 + len(answer), -error, unique)
            try:
                os.write(self._device, head + answer)
            except OSError:
                continue  # who asked is gone

    def _answer(self, code: int, node: int, body: bytes) -> bytes:
        if code == _INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 16, 0, 8, 8, 1 << 17, 1, 32, 0, 0)
        if code == _LOOKUP:
            name = body.rstrip(b"\0")
            if name not in self._files:
                raise OSError(errno.ENOENT, "")
            number = self._names.index(name) + 2
            return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self._facts(number)
        if code == _GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._facts(node)
        if code in (_OPEN, _OPENDIR):
            return struct.pack("<QII", node, _DIRECT_IO if code == _OPEN else 0, 0)
        _, offset, size = struct.unpack_from("<QQI", body.ljust(20, b"\0"))
        if code == _READ:
            file = self._files[self._names[node - 2]]
            if not offset:
                self._read[node] = file.content()
            return self._read[node][offset : offset + min(size, file.most)]
        if code == _READDIR:
            found = b""
            for number, name in enumerate(self._names[offset:], offset + 1):
                entry = struct.pack("<QQII", number + 1, number, len(name), 8) + name
                entry += bytes(-len(entry) % 8)
                if len(found) + len(entry) > size:
                    break
                found += entry
            return found
        if code == _STATFS:
            return struct.pack("<QQQQQIII28x", 99, 99, 99, 99, 99, 4096, 255, 4096)
        if code in (_RELEASE, _RELEASEDIR):
            return b""
        raise OSError(errno.ENOSYS, "")

    def _facts(self, node: int) -> bytes:
        folder = node == _ROOT
        told = 0 if folder else self._files[self._names[node - 2]].told
        mode = stat.S_IFDIR | 0o755 if folder else stat.S_IFREG | 0o644
        times = (_TIME,) * 3 + (0,) * 3
        return struct.pack(
            "<QQQQQQIIIIIIIIII",
            node,
            told,
            0,
            *times,
            mode,
            1,
            os.getuid(),
            os.getgid(),
            0,
            4096,
            0,
        )


@contextmanager
def told_sizes(point: Path, files: dict[bytes, ToldFile]) -> Iterator[Path]:
    """Mount these files at a new folder; skips where that is not allowed."""
    point.mkdir()
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"MISSING: /dev/fuse ({error.strerror})")
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    library = ctypes.CDLL(None, use_errno=True)
    if library.mount(b"told", os.fsencode(point), b"fuse", 0, options.encode()):
        os.close(device)
        pytest.skip(f"MISSING: the right to mount ({os.strerror(ctypes.get_errno())})")
    thread = threading.Thread(target=_Server(device, files).run, daemon=True)
    thread.start()
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)
        thread.join()
        os.close(device)
