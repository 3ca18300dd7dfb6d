"""What a scan costs in Python before it keeps anything: ``python -m tests.benchmarks.bare TREE``.

Lists every folder, opens, stats, reads and hashes every file, looks at it again and closes it: the
calls of `gorillacomb.scan.read_file` without a check, a row, a pipe or an index. With ``--stat`` it
lists every folder and looks at every entry, as a second scan does. One process for each processor,
each with its share of the folders. By how much it misses the floor in C is what the calls from
Python, and BLAKE3, cost before anything is kept.
"""

import gc
import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from functools import partial

from blake3 import blake3

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOATIME
_SHARES = 64
_BUFFER = memoryview(bytearray(1 << 20))

Look = Callable[[int, list[str]], int]
"""Takes a folder's descriptor and the names of its files in the order of inodes; gives bytes."""


def read(folder: int, names: list[str]) -> int:
    """Read and hash files; returns how many bytes."""
    total = 0
    buffers = (_BUFFER,)
    for name in names:
        file = os.open(name, _FILE, dir_fd=folder)
        left = os.fstat(file).st_size
        hasher = blake3()
        while left > 0 and (got := os.readv(file, buffers)):
            hasher.update(_BUFFER[:got])
            left -= got
            total += got
        hasher.digest()
        os.fstat(file)
        os.close(file)
    return total


def look(folder: int, names: list[str]) -> int:
    """Look at files; returns how many bytes they have."""
    return sum([os.stat(name, dir_fd=folder, follow_symlinks=False).st_size for name in names])


def below(top: bytes, do: Look) -> tuple[int, int]:
    """Do it with all that stands below a folder; returns how many files and bytes there are."""
    gc.disable()
    files = size = 0
    stack = [top]
    while stack:
        folders, found, done = right_in(stack.pop(), do)
        stack += folders
        files += found
        size += done
    return files, size


def right_in(folder: bytes, do: Look) -> tuple[list[bytes], int, int]:
    """Do it with the files right in a folder; returns its subfolders, and the files and bytes."""
    descriptor = os.open(folder, _FOLDER)
    folders: list[bytes] = []
    names: list[tuple[int, str]] = []
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(folder + b"/" + os.fsencode(entry.name))
            elif entry.is_file(follow_symlinks=False):
                names.append((entry.inode(), entry.name))
    names.sort()
    size = do(descriptor, [name for _, name in names])
    os.close(descriptor)
    return folders, len(names), size


def main() -> None:
    """Go through the tree that is named, and print what there was."""
    *options, top = sys.argv[1:]
    do: Look = look if options == ["--stat"] else read
    waiting = [os.fsencode(top)]
    files = size = 0
    while waiting and len(waiting) < _SHARES:
        folders, found, done = right_in(waiting.pop(0), do)
        waiting += folders
        files += found
        size += done
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for found, done in pool.imap_unordered(partial(below, do=do), waiting):
            files += found
            size += done
    print(json.dumps({"files": files, "bytes": size}))


if __name__ == "__main__":
    main()
