"""What a scan costs in Python before it keeps anything: ``python -m tests.benchmarks.bare TREE``.

Lists every folder, opens, stats, reads and hashes every file, looks at it again and closes it: the
calls of `gorillacomb.scan.read` without a check, a row, a pipe or an index. One process for each
processor, each with its share of the folders. By how much it misses the floor in C, which does not
hash, is what BLAKE3 and the calls from Python cost before anything is kept.
"""

import gc
import json
import multiprocessing
import os
import sys

from blake3 import blake3

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOATIME
_SHARES = 64
_BUFFER = memoryview(bytearray(1 << 20))


def read_below(top: bytes) -> tuple[int, int]:
    """Read all that stands below a folder; returns how many files and bytes there are."""
    gc.disable()
    files = size = 0
    stack = [top]
    while stack:
        folders, found, read = read_in(stack.pop())
        stack += folders
        files += found
        size += read
    return files, size


def read_in(folder: bytes) -> tuple[list[bytes], int, int]:
    """Read the files right in a folder; returns its subfolders, and the files and bytes."""
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
    total = 0
    buffers = (_BUFFER,)
    for _, name in names:
        file = os.open(name, _FILE, dir_fd=descriptor)
        left = os.fstat(file).st_size
        hasher = blake3()
        while left > 0 and (got := os.readv(file, buffers)):
            hasher.update(_BUFFER[:got])
            left -= got
            total += got
        hasher.digest()
        os.fstat(file)
        os.close(file)
    os.close(descriptor)
    return folders, len(names), total


def main() -> None:
    """Read the tree that is named, and print what there was."""
    waiting = [os.fsencode(sys.argv[1])]
    files = size = 0
    while waiting and len(waiting) < _SHARES:
        folders, found, read = read_in(waiting.pop(0))
        waiting += folders
        files += found
        size += read
    with multiprocessing.Pool(os.cpu_count()) as pool:
        for found, read in pool.imap_unordered(read_below, waiting):
            files += found
            size += read
    print(json.dumps({"files": files, "bytes": size}))


if __name__ == "__main__":
    main()
