"""How fast a hole is hashed, beside BLAKE3 over as many zeros: measured in this process."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from blake3 import blake3

from gorillacomb.hashing import digest_of_descriptor

from .places import BenchError, cache

SIZE = 12 * 10**9
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Holes:
    """Medians over the rounds, in seconds of the clock and of all processors."""

    size: int
    hashed: float
    hashed_cpu: float
    zeros: float
    zeros_cpu: float


def measure(rounds: int, say: Callable[[str], None]) -> Holes:
    """Hash a file that is one hole, and zeros in memory, in turn."""
    ours: list[tuple[float, float]] = []
    bare: list[tuple[float, float]] = []
    with tempfile.TemporaryFile(dir=cache()) as file:
        os.truncate(file.fileno(), SIZE)
        for number in range(rounds):
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            found, wall, cpu = _timed(lambda: digest_of_descriptor(file.fileno(), SIZE)[0])
            ours.append((wall, cpu))
            expected, wall, cpu = _timed(_zeros)
            bare.append((wall, cpu))
            if found != expected:
                raise BenchError("a hole has not the digest of its zeros")
            say(f"holes {number + 1}/{rounds}: {ours[-1][0]:.2f} s, {bare[-1][0]:.2f} s of zeros")
    hashed, hashed_cpu = map(statistics.median, zip(*ours, strict=True))
    zeros, zeros_cpu = map(statistics.median, zip(*bare, strict=True))
    return Holes(SIZE, hashed, hashed_cpu, zeros, zeros_cpu)


def _timed(work: Callable[[], bytes]) -> tuple[bytes, float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - start, time.process_time() - cpu


def _zeros() -> bytes:
    hasher, chunk, left = blake3(), memoryview(bytes(_CHUNK)), SIZE
    while left:
        left -= len(part := chunk[:left])
        hasher.update(part)
    return hasher.digest()
