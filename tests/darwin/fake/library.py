"""macOS' C library, as far as the program calls it, carried out by Linux."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import posix
import struct
from collections.abc import Callable
from typing import Any

from tests.darwin.fake.files import FLAGS, FakeFiles
from tests.darwin.fake.missing import F_BARRIERFSYNC, F_FULLFSYNC, F_GETPATH, F_NOCACHE

ENOATTR, ENOTSUP = 93, errno.ENOTSUP
ACL = "user.fake.acl"
_PREFIX = "user."
_ATTR_VOL_UUID, _ATTR_CMNEXT_PRIVATESIZE, _ATTR_CMNEXT_CLONEID = 0x40000, 0x8, 0x100
_real_library = ctypes.CDLL(None, use_errno=True)
_xattr: dict[str, Callable[..., Any]] = {
    name: getattr(posix, name) for name in ("listxattr", "getxattr", "setxattr", "removexattr")
}
_fsync, _fcntl = posix.fsync, fcntl.fcntl


class _Failed(Exception):
    def __init__(self, number: int) -> None:
        self.number = number


class FakeFunction:
    """A function of the library: -1 and an errno where it fails."""

    def __init__(self, call: Callable[..., int], failure: int = -1) -> None:
        self._call, self._failure = call, failure
        self.argtypes: Any = None
        self.restype: Any = None

    def __call__(self, *words: Any) -> int:
        try:
            return self._call(*words)
        except _Failed as failed:
            ctypes.set_errno(failed.number)
        except OSError as error:
            ctypes.set_errno(error.errno or errno.EIO)
        return self._failure


def _fill(buffer: Any, size: int, data: bytes) -> int:
    if size < len(data):
        raise _Failed(errno.ERANGE)
    ctypes.memmove(buffer, data, len(data))
    return len(data)


class FakeLibrary:
    """What `ctypes.CDLL(None)` returns."""

    def __init__(self, files: FakeFiles) -> None:
        self._files = files
        self._acls: dict[int, bytes] = {}
        mine = {
            name.removeprefix("_do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }
        empty = ("acl_get_fd_np", "acl_from_text", "acl_copy_int", "acl_init")
        self._functions = {
            name: FakeFunction(call, 0 if name in empty else -1) for name, call in mine.items()
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("renameat2", "statx", "prctl", "inotify_init", "inotify_init1"):
            raise AttributeError(name)
        return self._functions[name] if name in self._functions else getattr(_real_library, name)

    # <stdio.h>, <sys/mount.h>, <sys/attr.h>, <sys/resource.h>

    def _do_renameatx_np(self, source: int, old: bytes, target: int, new: bytes, flag: int) -> int:
        if flag and not self._files.machine.renames_exclusively:
            raise _Failed(ENOTSUP)
        old = self._files.spelled(old, source)
        if flag == 4:  # RENAME_EXCL: also where another spelling exists
            new = self._files.spelled(new, target)
        ends = [self._files.path_of(folder) for folder in (source, target)]
        on = [self._files.volume_of(each) for each in ends if each is not None]  # None: too deep
        if len(on) == 2 and on[0] != on[1]:
            raise _Failed(errno.EXDEV)
        function = _real_library.renameat2
        function.argtypes = [*(ctypes.c_int, ctypes.c_char_p) * 2, ctypes.c_uint]
        return int(function(source, old, target, new, {0: 0, 4: 1, 2: 2}[flag]))

    def _do_getfsstat(self, buffer: Any, size: int, flags: int) -> int:
        volumes = self._files.machine.volumes
        if buffer is None:
            return len(volumes)
        entries = b"".join(
            struct.pack(
                "=Ii5QiiIIII16s1024s1024sI28x",
                *(4096, 4096, 1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19),
                *((each.device or 16777220), 0, os.getuid(), 0, 0x1000, 0),
                each.type.encode(),
                os.fsencode(each.path),
                os.fsencode(each.source),
                0,
            )
            for each in volumes
        )
        entries = entries[: size // 2168 * 2168]
        _fill(buffer, size, entries)
        return len(entries) // 2168

    def _do_getattrlist(self, path: bytes, asked: bytes, buffer: Any, size: int, how: int) -> int:
        count, _, _, volume_attributes, _, _, fork = struct.unpack("=HHIIIII", asked)
        assert count == 5
        if fork:
            assert (fork, how) == (_ATTR_CMNEXT_CLONEID, 0x21)
            return self._clone_id(path, buffer, size)
        at = self._files.path_of(path)
        volume = None if at is None else self._files.volume_of(at)
        if volume_attributes:
            if volume is None or volume.uuid is None:
                raise _Failed(errno.EINVAL)
            assert volume_attributes == 0x80000000 | _ATTR_VOL_UUID
            _fill(buffer, size, struct.pack("=I16s", 20, bytes.fromhex(volume.uuid)))
            return 0
        raise _Failed(errno.EINVAL)

    def _clone_id(self, path: bytes, buffer: Any, size: int) -> int:
        at = self._files.path_of(path, follow=False)
        volume = None if at is None else self._files.volume_of(at)
        if at is None:
            raise _Failed(errno.ENOENT)
        if volume is None or volume.type != "apfs":
            _fill(buffer, size, struct.pack("=IQ", 4, 0))  # what is not supported is left out
            return 0
        own = self._files.machine.clone_ids.get(at, posix.lstat(path).st_ino)
        _fill(buffer, size, struct.pack("=IQ", 12, own))
        return 0

    def _do_fgetattrlist(
        self, descriptor: int, asked: bytes, buffer: Any, size: int, how: int
    ) -> int:
        fork = struct.unpack("=HHIIIII", asked)[-1]
        assert fork == _ATTR_CMNEXT_PRIVATESIZE and how == 0x20
        at = self._files.path_of(descriptor)
        own = self._files.machine.clones.get(at or "")
        own = posix.fstat(descriptor).st_blocks * 512 if own is None else own
        _fill(buffer, size, struct.pack("=Iq", 12, own))
        return 0

    def _do_setiopolicy_np(self, kind: int, scope: int, policy: int) -> int:
        assert (kind, scope) == (3, 0)
        self._files.materializes = policy == 2
        return 0

    def _do_sysctlbyname(
        self, name: bytes, buffer: Any, size: Any, new: None, new_size: int
    ) -> int:
        machine = self._files.machine
        told = {b"kern.bootsessionuuid": machine.boot, b"kern.osversion": machine.build}
        if name not in told:
            raise _Failed(errno.ENOENT)
        data = told[name].encode() + b"\0"
        _fill(buffer, size._obj.value, data)
        size._obj.value = len(data)
        return 0

    # <sys/xattr.h>: the names of Linux' "user" namespace

    def _do_flistxattr(self, descriptor: int, buffer: Any, size: int, options: int) -> int:
        names = [
            name.removeprefix(_PREFIX).encode()
            for name in _xattr["listxattr"](descriptor)
            if name.startswith(_PREFIX) and name not in (ACL, FLAGS)
        ]
        data = b"".join(name + b"\0" for name in names)
        return len(data) if buffer is None else _fill(buffer, size, data)

    def _do_fgetxattr(
        self, descriptor: int, name: bytes, buffer: Any, size: int, position: int, options: int
    ) -> int:
        try:
            data = _xattr["getxattr"](descriptor, _PREFIX + name.decode())
        except OSError as error:
            raise _Failed(ENOATTR if error.errno == errno.ENODATA else error.errno or 5) from error
        return len(data) if buffer is None else _fill(buffer, size, data)

    def _do_fsetxattr(
        self, descriptor: int, name: bytes, value: bytes, size: int, position: int, options: int
    ) -> int:
        _xattr["setxattr"](descriptor, _PREFIX + name.decode(), value[:size])
        return 0

    def _do_fremovexattr(self, descriptor: int, name: bytes, options: int) -> int:
        _xattr["removexattr"](descriptor, _PREFIX + name.decode())
        return 0

    def _do_fchflags(self, descriptor: int, flags: int) -> int:
        _xattr["setxattr"](descriptor, FLAGS, str(flags).encode())
        return 0

    # <sys/acl.h>: an ACL is its external form here

    def _acl(self, data: bytes) -> int:
        handle = len(self._acls) + 1
        self._acls[handle] = data
        return handle

    def _do_acl_get_fd_np(self, descriptor: int, kind: int) -> int:
        assert kind == 0x100
        try:
            return self._acl(_xattr["getxattr"](descriptor, ACL))
        except OSError:
            raise _Failed(errno.ENOENT) from None

    def _do_acl_from_text(self, text: bytes) -> int:
        if not text.startswith(b"!#acl 1\n"):
            raise _Failed(errno.EINVAL)
        return self._acl(text)

    def _do_acl_init(self, count: int) -> int:
        return self._acl(b"")

    def _do_acl_size(self, acl: int) -> int:
        return len(self._acls[acl])

    def _do_acl_copy_ext(self, buffer: Any, acl: int, size: int) -> int:
        return _fill(buffer, size, self._acls[acl])

    def _do_acl_copy_int(self, data: bytes) -> int:
        return self._acl(data)

    def _do_acl_set_fd_np(self, descriptor: int, acl: int, kind: int) -> int:
        if self._acls[acl]:
            _xattr["setxattr"](descriptor, ACL, self._acls[acl])
        else:
            _xattr["removexattr"](descriptor, ACL)
        return 0

    def _do_acl_free(self, acl: int) -> int:
        return 0

    # <fcntl.h>

    def control(self, descriptor: Any, command: int, argument: Any = 0) -> Any:
        """`fcntl.fcntl`, with the commands of macOS."""
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        if command == F_GETPATH:
            return os.fsencode(self._files.path_of(number) or "").ljust(1024, b"\0")
        if command in (F_FULLFSYNC, F_BARRIERFSYNC, F_NOCACHE):
            name = {F_FULLFSYNC: "fullfsync", F_NOCACHE: "nocache"}.get(command, "barrier")
            self._files.log(f"{name} {self._files.path_of(number)}")
            if command == F_FULLFSYNC:
                _fsync(number)
            return 0
        return _fcntl(descriptor, command, argument)
