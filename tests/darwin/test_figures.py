"""The figures of macOS are those of its headers, of which this is an extract (XNU 11417.101.15)."""

from __future__ import annotations

import re
import struct

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.darwin.volumes import parse_statfs

HEADERS = {
    "bsd/sys/attr.h": """
        #define FSOPT_ATTR_CMN_EXTENDED 0x00000020
        #define ATTR_BIT_MAP_COUNT 5
        #define ATTR_VOL_UUID                           0x00040000
        #define ATTR_VOL_INFO                           0x80000000
        #define ATTR_CMNEXT_PRIVATESIZE 0x00000008
        #define ATTR_CMNEXT_CLONEID     0x00000100
        #define FSOPT_NOFOLLOW  0x00000001
        """,
    "bsd/sys/fcntl.h": """
        #define F_GETPATH       50
        #define F_FULLFSYNC     51
        """,
    "bsd/sys/mount.h": """
        #define MNT_NOWAIT      2
        """,
    "bsd/sys/xattr.h": """
        #define XATTR_MAXNAMELEN   127
        """,
    "bsd/sys/errno.h": """
        #define ENOATTR         93
        """,
    "bsd/sys/stat.h": """
        #define UF_SETTABLE     0x0000ffff
        #define UF_COMPRESSED   0x00000020
        #define UF_TRACKED              0x00000040
        #define UF_DATAVAULT    0x00000080
        #define SF_DATALESS     0x40000000
        """,
    "bsd/sys/resource.h": """
        #define IOPOL_TYPE_VFS_MATERIALIZE_DATALESS_FILES 3
        #define IOPOL_SCOPE_PROCESS   0
        #define IOPOL_MATERIALIZE_DATALESS_FILES_OFF     1
        #define IOPOL_MATERIALIZE_DATALESS_FILES_ON      2
        """,
    "bsd/sys/stdio.h": """
        #define RENAME_SWAP                     0x00000002
        #define RENAME_EXCL                     0x00000004
        """,
    "CoreServices, FSEvents.h": """
        kFSEventStreamEventFlagMustScanSubDirs = 0x00000001,
        kFSEventStreamEventFlagUserDropped = 0x00000002,
        kFSEventStreamEventFlagKernelDropped = 0x00000004,
        kFSEventStreamEventFlagHistoryDone = 0x00000010,
        kFSEventStreamEventFlagRootChanged = 0x00000020,
        kFSEventStreamEventFlagMount  = 0x00000040,
        kFSEventStreamEventFlagUnmount = 0x00000080,
        kFSEventStreamEventFlagItemCreated = 0x00000100,
        kFSEventStreamEventFlagItemRenamed = 0x00000800,
        kFSEventStreamEventFlagItemIsFile = 0x00010000,
        kFSEventStreamEventFlagItemIsSymlink = 0x00040000,
        kFSEventStreamEventFlagItemCloned = 0x00400000
        """,
    "Libc, sys/acl.h": """
        ACL_TYPE_EXTENDED       = 0x00000100
        """,
    "bsd/sys/syslimits.h, bsd/sys/param.h": """
        #define MAXPATHLEN      1024
        """,
}
"""MAXPATHLEN is PATH_MAX there."""

STATFS64 = """
    uint32_t f_bsize; int32_t f_iosize; uint64_t f_blocks; uint64_t f_bfree; uint64_t f_bavail;
    uint64_t f_files; uint64_t f_ffree; int32_t f_fsid0; int32_t f_fsid1; uint32_t f_owner;
    uint32_t f_type; uint32_t f_flags; uint32_t f_fssubtype; char16 f_fstypename;
    char1024 f_mntonname; char1024 f_mntfromname; uint32_t f_flags_ext; char28 f_reserved
"""
"""bsd/sys/mount.h: __DARWIN_STRUCT_STATFS64, on which no member needs padding."""
_SIZES = {"uint32_t": 4, "int32_t": 4, "uint64_t": 8}


def our_name(name: str) -> str:
    """What a figure is called here: not as in the header, where that has capitals within words."""
    if not name.startswith("kFSEventStreamEventFlag"):
        return name
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removeprefix("kFSEventStreamEventFlag"))
    return f"FSEVENT_{words.upper()}"


def test_each_figure_is_that_of_its_header() -> None:
    told = {}
    for text in HEADERS.values():
        for line in text.split("\n"):
            words = line.replace("#define", "").replace("=", " ").split()
            if words:
                told[our_name(words[0])] = int(words[1].rstrip(","), 0)
    ours = {
        name: value
        for name, value in vars(figures).items()
        if name.isupper() and isinstance(value, int) and not name.startswith("STATFS64")
    }
    assert ours == told


def test_struct_statfs_is_laid_out_as_its_header_says() -> None:
    at, offsets, names = 0, {}, list[str]()
    for member in STATFS64.replace("\n", " ").split(";"):
        kind, name = member.split()
        offsets[name] = at
        names.append(name)
        size = _SIZES.get(kind) or int(kind.removeprefix("char"))
        assert at % min(size, 8) == 0 or kind.startswith("char"), "the compiler would pad here"
        at += size
    assert at == figures.STATFS64_SIZE == struct.calcsize(figures.STATFS64) == 2168
    assert (offsets["f_fstypename"], offsets["f_mntonname"], offsets["f_mntfromname"]) == (
        *(72, 88, 1112),
    )
    numbers = (
        figures.STATFS64_FSID,
        figures.STATFS64_TYPE,
        figures.STATFS64_POINT,
        figures.STATFS64_SOURCE,
    )
    assert [names[each] for each in numbers] == [
        *("f_fsid0", "f_fstypename", "f_mntonname", "f_mntfromname"),
    ]


def test_a_mount_is_read_from_its_struct() -> None:
    data = bytearray(2168)
    struct.pack_into("=i", data, 48, 0x1000010)
    data[72:76] = b"apfs"
    point = "/Volumes/Ünïc".encode()
    data[88 : 88 + len(point)] = point
    data[1112 : 1112 + 12] = b"/dev/disk3s1"
    assert parse_statfs(bytes(data)) == (*(0x1000010, point, "apfs", "/dev/disk3s1"),)
