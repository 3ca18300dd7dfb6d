"""Constants and layouts of macOS, from the headers of XNU 11417 and Libc 1669, which are named.

Those of file system events are from <FSEvents.h> of the macOS SDK, in CoreServices.framework.

``tests/darwin/test_figures.py`` compares them with an extract of these headers.
"""

from __future__ import annotations

from typing import Final

# <sys/attr.h>
ATTR_BIT_MAP_COUNT: Final = 5
ATTR_VOL_INFO: Final = 0x80000000
ATTR_VOL_UUID: Final = 0x00040000
ATTR_CMNEXT_PRIVATESIZE: Final = 0x00000008
ATTR_CMNEXT_CLONEID: Final = 0x00000100
FSOPT_NOFOLLOW: Final = 0x00000001
FSOPT_ATTR_CMN_EXTENDED: Final = 0x00000020

# <sys/mount.h>
MNT_NOWAIT: Final = 2
MAXPATHLEN: Final = 1024  # <sys/param.h>
STATFS64: Final = "=Ii5QiiIIII16s1024s1024sI28x"
"""struct statfs with 64-bit inodes (__DARWIN_STRUCT_STATFS64), as `struct` unpacks it."""
STATFS64_SIZE: Final = 2168
STATFS64_FSID, STATFS64_TYPE, STATFS64_POINT, STATFS64_SOURCE = 7, 13, 14, 15
"""Which of its fields they are: f_fsid, f_fstypename, f_mntonname, f_mntfromname."""

# <sys/fcntl.h>
F_GETPATH: Final = 50
F_FULLFSYNC: Final = 51

# <sys/xattr.h>
XATTR_MAXNAMELEN: Final = 127
ENOATTR: Final = 93  # <sys/errno.h>

# <sys/stat.h>
UF_SETTABLE: Final = 0x0000FFFF
UF_COMPRESSED: Final = 0x00000020
UF_TRACKED: Final = 0x00000040
UF_DATAVAULT: Final = 0x00000080
SF_DATALESS: Final = 0x40000000

# <sys/acl.h>, of Libc
ACL_TYPE_EXTENDED: Final = 0x00000100

# <sys/resource.h>
IOPOL_TYPE_VFS_MATERIALIZE_DATALESS_FILES: Final = 3
IOPOL_SCOPE_PROCESS: Final = 0
IOPOL_MATERIALIZE_DATALESS_FILES_OFF: Final = 1
IOPOL_MATERIALIZE_DATALESS_FILES_ON: Final = 2

# <sys/stdio.h>
RENAME_SWAP: Final = 0x00000002
RENAME_EXCL: Final = 0x00000004

# <FSEvents.h>
FSEVENT_MUST_SCAN_SUB_DIRS: Final = 0x00000001
FSEVENT_USER_DROPPED: Final = 0x00000002
FSEVENT_KERNEL_DROPPED: Final = 0x00000004
FSEVENT_HISTORY_DONE: Final = 0x00000010
FSEVENT_ROOT_CHANGED: Final = 0x00000020
FSEVENT_MOUNT: Final = 0x00000040
FSEVENT_UNMOUNT: Final = 0x00000080
FSEVENT_ITEM_CREATED: Final = 0x00000100
FSEVENT_ITEM_RENAMED: Final = 0x00000800
FSEVENT_ITEM_IS_FILE: Final = 0x00010000
FSEVENT_ITEM_IS_SYMLINK: Final = 0x00040000
FSEVENT_ITEM_CLONED: Final = 0x00400000
