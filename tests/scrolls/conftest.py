"""Releases for tests: a fresh one for each, copied from one that was made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import use_home
from tests.scrolls.release import Release, make_release
from tests.support.memory import in_memory


@pytest.fixture(scope="session")
def pattern() -> Iterator[tuple[Path, Release]]:
    """A home with a scanned folder, its manifest, both keys and one scroll, all of it checked."""
    with in_memory() as folder, pytest.MonkeyPatch.context() as patch:
        home = folder / "home"
        home.mkdir()
        use_home(home, patch)
        made = make_release(home / "release", home / "vault")
        made.create()
        made.check()
        made.cosign("A", "B")
        yield home, made


@pytest.fixture
def own_home(
    pattern: tuple[Path, Release], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The home of each test: where the pattern was made, since its vault is named by its place."""
    home, _ = pattern
    kept = tmp_path / "pattern"
    if not kept.exists():
        shutil.copytree(home, kept, symlinks=True)
    use_home(home, monkeypatch)
    return home


@pytest.fixture
def release(own_home: Path, tmp_path: Path, pattern: tuple[Path, Release]) -> Iterator[Release]:
    """That release, as it was made; what a test does to it is undone."""
    home, made = pattern
    yield Release(made.top, made.vault, list(made.made))
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "pattern", home, symlinks=True)
