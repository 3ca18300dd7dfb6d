"""Call macOS' C library: the one module that knows its functions, by `ctypes`."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

_SIGNATURES = {
    # name: result, arguments; i int, u unsigned int, z size_t, n ssize_t, s bytes, p pointer
    "getfsstat": "ipii",  # <sys/mount.h>
    "getattrlist": "isspzu",  # <unistd.h>
    "fgetattrlist": "iispzu",
    "flistxattr": "nipzi",  # <sys/xattr.h>
    "fgetxattr": "nispzui",
    "fsetxattr": "iisszui",
    "fremovexattr": "iisi",
    "fchflags": "iiu",  # <sys/stat.h>
    "acl_get_fd_np": "pii",  # <sys/acl.h>
    "acl_set_fd_np": "iipi",
    "acl_from_text": "ps",
    "acl_init": "pi",
    "acl_size": "np",
    "acl_copy_ext": "nppn",
    "acl_copy_int": "ps",
    "acl_free": "ip",
    "setiopolicy_np": "iiii",  # <sys/resource.h>
    "sysctlbyname": "ispppz",  # <sys/sysctl.h>
}
_OTHER_SYMBOLS = {"getfsstat": "getfsstat$INODE64"}
"""On Intel, the symbol of the variant with 64-bit inodes (__DARWIN_INODE64 in <sys/cdefs.h>)."""


@cache
def function(name: str) -> Any:
    """Return a function of the library, None if it has none of that name."""
    import ctypes  # slow to load, and other systems do without

    kinds: dict[str, Any] = {
        "i": ctypes.c_int,
        "u": ctypes.c_uint,
        "z": ctypes.c_size_t,
        "n": ctypes.c_ssize_t,
        "s": ctypes.c_char_p,
        "p": ctypes.c_void_p,
    }
    library = ctypes.CDLL(None, use_errno=True)
    symbol = _OTHER_SYMBOLS.get(name, name)
    found = getattr(library, symbol, None) or getattr(library, name, None)
    if found is not None:
        result, *arguments = list(_SIGNATURES[name])
        found.restype = kinds[result]
        found.argtypes = [kinds[each] for each in arguments]
    return found


def call(name: str, *arguments: object) -> int:
    """Call a function that returns -1 on failure. Raises OSError."""
    import ctypes
    import errno

    wanted = function(name)
    if wanted is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result: int = wanted(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def new_buffer(size: int) -> Any:
    """Return memory for the library to write into; its bytes are ``.raw``."""
    import ctypes

    return ctypes.create_string_buffer(size)
