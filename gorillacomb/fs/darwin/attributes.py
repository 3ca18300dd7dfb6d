"""Read and write the extended attributes, ACL and flags of an open file on macOS.

Python has no such functions there. An ACL and the flags that an owner can set are treated as two
attributes more, under names that the kernel reserves (xattr_protected in bsd/vfs/vfs_xattr.c).
"""

from __future__ import annotations

import errno
import os

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.darwin.library import call, function, new_buffer
from gorillacomb.fs.drive_errors import UNSUPPORTED

ACL = "com.apple.system.Security"
"""KAUTH_FILESEC_XATTR in <sys/kauth.h>: where the kernel keeps it, and lists it for nobody."""
FLAGS = "com.apple.system.flags"
SHOWN = {ACL: "ACL", FLAGS: "flags"}
"""What users know them as."""
_SETTABLE = figures.UF_SETTABLE & ~(
    figures.UF_COMPRESSED | figures.UF_TRACKED | figures.UF_DATAVAULT
)
"""The flags that an owner sets on purpose; the others show how the system stores a file."""
_FLAG_BYTES = 4
_TRIES = 3
"""How often to read a value that grows between asking for its size and reading it."""
_AUTOMATIC = (
    *("com.apple.quarantine", "com.apple.lastuseddate", "com.apple.provenance", "com.apple.macl"),
    *("com.apple.metadata:kMDItemWhereFroms", "com.apple.metadata:kMDItemDownloadedDate"),
    *("com.apple.TextEncoding", "com.apple.cs.", "com.apple.diskimages.", "com.apple.fileprovider"),
    *("com.apple.icloud.", "com.apple.genstore.", "com.apple.file-provider"),
    *("com.dropbox.", "com.google.drivefs.", "com.microsoft.OneDrive", "com.box."),
)
"""What attributes begin with that programs give files by themselves: two copies of a file differ in
them as a rule, and nobody misses them. Collected from memory of files seen, so not complete: what
is unknown counts as the user's."""


def is_of_user(name: str) -> bool:
    """Return whether an attribute was given on purpose, as tags, forks, ACLs and flags are."""
    return not name.startswith(_AUTOMATIC)


def read_attributes(descriptor: int) -> dict[str, bytes]:
    """Return the extended attributes of an open file, its ACL and its flags, each if it has any.

    Raises OSError.
    """
    found = {}
    try:
        for name in _names(descriptor):
            value = _value(descriptor, name)
            if value is not None:
                found[os.fsdecode(name)] = value
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    acl = _read_acl(descriptor)
    if acl is not None:
        found[ACL] = acl
    flags = getattr(os.fstat(descriptor), "st_flags", 0) & _SETTABLE
    if flags:
        found[FLAGS] = flags.to_bytes(_FLAG_BYTES, "big")
    return found


def write_attribute(descriptor: int, name: str, value: bytes) -> None:
    """Give an open file an attribute as `read_attributes` returned it. Raises OSError."""
    if name == ACL:
        _write_acl(descriptor, value)
    elif name == FLAGS:
        _write_flags(descriptor, int.from_bytes(value, "big"))
    else:
        call("fsetxattr", descriptor, os.fsencode(name), value, len(value), 0, 0)


def remove_attribute(descriptor: int, name: str) -> None:
    """Take an attribute from an open file. Raises OSError."""
    if name == ACL:
        _write_acl(descriptor, None)
    elif name == FLAGS:
        _write_flags(descriptor, 0)
    else:
        call("fremovexattr", descriptor, os.fsencode(name), 0)


def external_acl(text: bytes) -> bytes:
    """Return an ACL, given as acl_to_text(3) writes it, as `read_attributes` does.

    Raises OSError.
    """
    import ctypes

    make = function("acl_from_text")
    acl = None if make is None else make(text)
    if not acl:
        number = ctypes.get_errno() or errno.ENOTSUP
        raise OSError(number, os.strerror(number))
    return _copied_out(acl)


def _names(descriptor: int) -> list[bytes]:
    for _ in range(_TRIES):
        size = call("flistxattr", descriptor, None, 0, 0)
        if not size:
            return []
        buffer = new_buffer(size)
        try:
            size = call("flistxattr", descriptor, buffer, size, 0)
        except OSError as error:
            if error.errno != errno.ERANGE:
                raise
            continue  # another one was added since
        return bytes(buffer.raw[:size]).rstrip(b"\0").split(b"\0")
    raise OSError(errno.EBUSY, "its attributes change while they are read")


def _value(descriptor: int, name: bytes) -> bytes | None:
    for _ in range(_TRIES):
        try:
            size = call("fgetxattr", descriptor, name, None, 0, 0, 0)
            buffer = new_buffer(size)
            size = call("fgetxattr", descriptor, name, buffer, size, 0, 0) if size else 0
        except OSError as error:
            if error.errno == figures.ENOATTR:
                return None  # it was removed since
            if error.errno != errno.ERANGE:
                raise
            continue
        return bytes(buffer.raw[:size])
    raise OSError(errno.EBUSY, "its attributes change while they are read")


def _read_acl(descriptor: int) -> bytes | None:
    """Return an ACL in its portable form (acl_copy_ext(3)), None without one."""
    import ctypes

    read = function("acl_get_fd_np")
    acl = None if read is None else read(descriptor, figures.ACL_TYPE_EXTENDED)
    if not acl:
        number = ctypes.get_errno()
        if read is None or number == errno.ENOENT or number in UNSUPPORTED:
            return None
        raise OSError(number, os.strerror(number))
    return _copied_out(acl)


def _copied_out(acl: int) -> bytes:
    """Return an ACL in its portable form, and free it."""
    try:
        size = call("acl_size", acl)
        buffer = new_buffer(size)
        size = call("acl_copy_ext", buffer, acl, size)
        return bytes(buffer.raw[:size])
    finally:
        call("acl_free", acl)


def _write_acl(descriptor: int, value: bytes | None) -> None:
    import ctypes

    make = function("acl_init" if value is None else "acl_copy_int")
    acl = None if make is None else make(0 if value is None else value)
    if not acl:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    try:
        call("acl_set_fd_np", descriptor, acl, figures.ACL_TYPE_EXTENDED)
    finally:
        call("acl_free", acl)


def _write_flags(descriptor: int, flags: int) -> None:
    others = getattr(os.fstat(descriptor), "st_flags", 0) & ~_SETTABLE
    call("fchflags", descriptor, others | flags)
