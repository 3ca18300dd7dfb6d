"""What all tests share: a home and a vault of their own, and a loud word on what is missing."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from fixtures import Drive, build_drive, remove_drive
from tests.support.disks import Disks
from tests.support.leftovers import watch_over_this_process
from tests.support.memory import in_memory
from tests.support.quick_disk import plug_in
from tests.support.run import until

# Where a change is judged (CI is set) the examples are the same each time: what fails there is the
# change. Everywhere else, and in the long campaign, they are new ones. How long one takes is no
# matter of tests: the machine is shared.
settings.register_profile("default", max_examples=60, deadline=None, derandomize="CI" in os.environ)
settings.register_profile("deep", max_examples=2000, deadline=None)
settings.load_profile("default")  # else hypothesis takes one of its own where CI is set

BEGUN_FIRST = ("tests/web/browser/", "tests/setup/")
"""Their files take longest: what begins last is waited for by all others."""
MOST_FOR_LINUX = 0.15
MANY = 500
TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # Whoever starts other processes of pytest has a disk for them all.
    is_first = not hasattr(config, "workerinput")
    watch_over_this_process(plug_in(config) if is_first else None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests for Linux alone say why, and are few; one file, or one room, may have more of them."""
    marks = [mark for item in items if (mark := item.get_closest_marker("linux")) is not None]
    if not all(len(mark.args) == 1 for mark in marks):
        raise pytest.UsageError("a test that is marked linux does not say why")
    rooms = {item.path.relative_to(TESTS).parts[0] for item in items}
    if len(rooms) > 1 and len(items) > MANY and len(marks) > MOST_FOR_LINUX * len(items):
        raise pytest.UsageError(f"{len(marks)} of {len(items)} tests are for Linux alone")
    items.sort(key=lambda item: not item.nodeid.startswith(BEGUN_FIRST))


def pytest_collection_finish() -> None:
    """Keep what lives to the end out of garbage collections; one in a fork would copy all of it.

    The others are rarer than Python has them: they took a twentieth of the time of random examples.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="module", autouse=True)
def no_threads_left() -> Iterator[None]:
    """No module leaves a thread behind: with one, readers are spawned, and see no patched code."""
    yield
    assert until(lambda: threading.active_count() == 1), threading.enumerate()


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test sees the user's settings, keys or vault."""
    with in_memory() as folder:
        home = folder / "home"
        home.mkdir()
        use_home(home, monkeypatch)
        yield home


def use_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the user's folders be those in a home."""
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GORILLACOMB_VAULT", raising=False)


@pytest.fixture
def vault() -> Iterator[Path]:
    """A place for a vault, outside the trees that are scanned."""
    with in_memory() as folder:
        yield folder / "vault"


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drive]:
    """One messy drive for all tests that only read it."""
    built = build_drive(tmp_path_factory.mktemp("messy") / "drive")
    yield built
    remove_drive(built.root)


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[Disks]:
    made = Disks(tmp_path)
    try:
        yield made
    finally:
        made.close()
