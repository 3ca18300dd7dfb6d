"""Trees of files that are made up: many without a twin, a few large ones, a million small ones."""

import os
import random
import shutil
from pathlib import Path

UNIQUE_FILES = 200_000
PHOTOS = 20_000
"""Pictures, of which each has two copies more."""
LARGE_FILES = 20
LARGE_SIZE = 500_000_000
MILLION_FOLDERS = 60_000
"""Bytes; files; folders."""
_A_FOLDER = 40
_CHUNK = 4 << 20


def unique(folder: Path) -> str:
    """Files of which no two are equal, and every hundredth has the size of another one.

    They are sparse: the first 500 bytes are random, the others take no room on the disk.
    """
    chance = random.Random(20261122)
    for number in range(UNIQUE_FILES):
        place = folder / f"{number // (_A_FOLDER * 100)}" / f"{number // _A_FOLDER}"
        if number % _A_FOLDER == 0:
            place.mkdir(parents=True)
        with (place / f"{number}.dat").open("wb") as file:
            file.write(b"%08d" % number + chance.randbytes(492))
            file.truncate(500 + number - (number % 100 == 1))
    return f"{UNIQUE_FILES:,} sparse files, no two of them equal, 1 % of them of equal sizes"


def photos(folder: Path) -> str:
    """Small pictures, each three times, in folders that are no albums; some with a sidecar."""
    chance = random.Random(20261130)
    contents = [chance.randbytes(chance.randint(600, 4_000)) for _ in range(PHOTOS)]
    order = list(range(PHOTOS))
    chance.shuffle(order)
    for number, at in enumerate(order):
        name = f"camera/{at // 250}/IMG_{at:05}"
        second = f"old/{number % 80}/Downloads/P_{number:05}" if number % 2 else f"{name} (1)"
        for each in (name, second, f"phone/{number % 60}/Downloads/WA_{number:05}"):
            picture = folder / f"{each}.jpg"
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(contents[at])
            if at % 40 == 0:
                picture.with_name(f"{picture.name}.xmp").write_text(f"<rated>{at}</rated>" * 100)
    return f"{PHOTOS:,} small pictures, each with two copies that can be removed file by file"


def large(folder: Path) -> str:
    """Large files in pairs: half of them copies, of which every fourth differs in its last byte."""
    for number in range(LARGE_FILES // 2):
        first = folder / f"recording {number}.mov"
        with first.open("wb") as file:
            left = LARGE_SIZE + number % 3
            while left:
                left -= file.write(os.urandom(min(_CHUNK, left)))
        second = folder / f"recording {number} copy.mov"
        shutil.copy(first, second)
        if number % 4 == 0:
            with second.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                last = file.read(1)
                file.seek(-1, os.SEEK_END)
                file.write(bytes([last[0] ^ 1]))
    size = LARGE_SIZE // 1_000_000
    return f"{LARGE_FILES} files of {size} MB in pairs; some pairs differ in the last byte"


def million(folder: Path) -> str:
    """A million small files in 60,000 folders, a quarter of them copies of another one.

    The first thousandth and hundredth parts stand in folders of their own, ``a/a`` and ``a``.
    """
    chance = random.Random(20261123)
    noise = chance.randbytes(1 << 16)
    per_folder = 1_000_000 // MILLION_FOLDERS + 1
    for number in range(1_000_000):
        at = number // per_folder
        if number % per_folder == 0:
            top = folder / ("a/a" if number < 10_000 else "a/b" if number < 100_000 else "b")
            place = top / f"{at // 100}" / f"{at}"
            place.mkdir(parents=True)
        what = number - 3 if number % 4 == 3 else number
        start, size = what * 37 % 60_000, 100 + what * 13 % 2_000
        (place / f"{number}.txt").write_bytes(b"%d " % what + noise[start : start + size])
    return f"a million files in {MILLION_FOLDERS:,} folders, a quarter of them copies"
