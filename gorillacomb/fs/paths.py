"""Arithmetic on absolute paths as bytes: joining, and what lies below what. No disk is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether ``path`` is ``folder`` or lies in it; both absolute, without ``..``."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def relative_path(path: bytes, folder: bytes) -> bytes:
    """The part of ``path`` below the ``folder`` that it is in; empty for the folder itself."""
    return path[len(folder.rstrip(b"/")) + 1 :]


def join(folder: bytes, relative: bytes) -> bytes:
    """The path of ``relative`` in ``folder``; the folder itself for an empty one."""
    return folder.rstrip(b"/") + b"/" + relative if relative else folder


def common_suffix_parts(paths: Sequence[bytes]) -> bytes:
    """The names, from the last one upwards, that paths end in alike; empty where they do not."""
    parts = [path.split(b"/")[::-1] for path in paths]
    shared: list[bytes] = []
    for names in zip(*parts, strict=False):
        if not names[0] or len(set(names)) > 1:
            break
        shared.append(names[0])
    return b"/".join(reversed(shared))


def path_text(path: bytes) -> str:
    """A path as text that every encoding takes: bytes that are not UTF-8 are escapes."""
    return path.decode("utf-8", "backslashreplace")


def path_and_parents(path: bytes) -> Iterator[bytes]:
    """A path and those of the folders around it, the innermost first; ``/`` is the last one."""
    while path != b"/":
        yield path
        path = path.rpartition(b"/")[0] or b"/"
    yield path
