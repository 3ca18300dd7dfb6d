"""Ask APFS how much of a file is its own: copies made by Finder share the blocks of the first."""

from __future__ import annotations

import struct

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.darwin.library import call, new_buffer
from gorillacomb.fs.darwin.volumes import attribute_list

_ANSWER = struct.Struct("=Iq")
"""The length of the answer, and the off_t."""
_CLONE_ANSWER = struct.Struct("=IQ")
"""The length of the answer, and the uint64_t."""


def private_size(descriptor: int) -> int | None:
    """Return the bytes of an open file that it shares with no other, None if that is unknown.

    They are what removing it frees. ATTR_CMNEXT_PRIVATESIZE is asked for among the attributes of
    forks (getattrlist(2)).
    """
    buffer = new_buffer(_ANSWER.size)
    asked = attribute_list(fork=figures.ATTR_CMNEXT_PRIVATESIZE)
    how = figures.FSOPT_ATTR_CMN_EXTENDED
    try:
        call("fgetattrlist", descriptor, asked, buffer, _ANSWER.size, how)
    except OSError:
        return None
    length, size = _ANSWER.unpack(buffer.raw)
    return size if length == _ANSWER.size and size >= 0 else None


def clone_id(path: bytes) -> int | None:
    """Return a number that a file shares with its clones on the same volume, and with no others.

    None if the volume has none, or the file is not there. A link is not followed. See
    ATTR_CMNEXT_CLONEID in getattrlist(2); on APFS each file has one, whether it has clones or not.
    """
    buffer = new_buffer(_CLONE_ANSWER.size)
    asked = attribute_list(fork=figures.ATTR_CMNEXT_CLONEID)
    how = figures.FSOPT_ATTR_CMN_EXTENDED | figures.FSOPT_NOFOLLOW
    try:
        call("getattrlist", path, asked, buffer, _CLONE_ANSWER.size, how)
    except OSError:
        return None
    length, clone = _CLONE_ANSWER.unpack(buffer.raw)
    return clone or None if length == _CLONE_ANSWER.size else None
