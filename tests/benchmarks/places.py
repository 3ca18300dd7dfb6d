"""Where the benchmark keeps its things, and the error that ends it."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "RESULTS.md"


class BenchError(Exception):
    """The benchmark cannot go on; the message says why and what to do."""


def cache() -> Path:
    """The cache folder, made if need be: `GORILLACOMB_BENCH_DIR`, or else `.bench/`."""
    chosen = os.environ.get("GORILLACOMB_BENCH_DIR")
    folder = Path(chosen).resolve() if chosen else REPOSITORY / ".bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
