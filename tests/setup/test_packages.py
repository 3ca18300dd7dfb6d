"""What is built is complete: wheel, source archive, ``pip install .`` and ``pipx install .``."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.setup.conftest import PLAIN, UNCOMPILED, Wheels, Words
from tests.setup.test_install import checkout

__all__ = ["checkout"]


@pytest.fixture
def offline(wheels: Wheels, tmp_path: Path) -> dict[str, str]:
    """An environment in which pip may choose, among what the locks name alone."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **PLAIN,
        **UNCOMPILED,
        "HOME": str(tmp_path / "home"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels[here]),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        "PIPX_COMPLETION_DIR": str(tmp_path / "completion"),
    }


def call(words: Words, env: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def works(program: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Check that an installed program combs a folder, from its own files."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_bytes(b"x" * 5000)
    (tree / "b").write_bytes(b"x" * 5000)
    env = {**env, "GORILLACOMB_VAULT": str(tmp_path / "vault")}
    assert call([program, "--version"], env, tmp_path).startswith("gorillacomb ")
    assert "1 group" in call([program, "scan", tree], env, tmp_path)
    call([program, "completion", "bash"], env, tmp_path)
    assert call([program, "help", "exit-codes"], env, tmp_path).startswith("Exit codes\n")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment; it has not even pip, which `pip` brings from here."""
    place = tmp_path_factory.mktemp("packages") / "environment"
    venv.create(place, with_pip=False)
    return place / "bin"


@pytest.fixture
def without_ours(environment: Path, offline: dict[str, str], tmp_path: Path) -> Path:
    """The same without Gorilla Comb; another test may have installed what it depends on.

    The test that comes first installs all of it, and so does the test of pipx.
    """
    if (environment / "gorillacomb").exists():
        call([*pip(environment), "uninstall", "--yes", "gorillacomb"], offline, tmp_path)
    assert not (environment / "gorillacomb").exists()
    return environment


def pip(environment: Path) -> Words:
    """The words that run pip for an environment, given by its programs."""
    return [sys.executable, "-m", "pip", "--python", environment / "python"]


def test_the_wheel_and_the_source_archive(
    checkout: Path, offline: dict[str, str], without_ours: Path, tmp_path: Path
) -> None:
    build: Words = [sys.executable, "-m", "hatchling", "build", "-d", tmp_path / "dist"]
    call(build, offline, checkout)
    wheel, source = sorted(
        (tmp_path / "dist").iterdir(), key=lambda path: path.suffix, reverse=True
    )
    call([sys.executable, "-m", "twine", "check", "--strict", wheel, source], offline, tmp_path)
    call([*pip(without_ours), "install", wheel], offline, tmp_path)
    call([*pip(without_ours), "check"], offline, tmp_path)
    works(without_ours / "gorillacomb", offline, tmp_path)
    # The archive has all that its own build needs: what comes out of it is the same wheel.
    words: Words = [*pip(without_ours), "wheel", "--no-deps", source, "-w", tmp_path]
    call(words, offline, tmp_path)
    assert names_in(tmp_path / wheel.name) == names_in(wheel)
    topics = (checkout / "gorillacomb/docs").rglob("*.md")
    expected = {path.relative_to(checkout).as_posix() for path in topics}
    assert expected
    assert expected < set(names_in(wheel))
    assert "gorillacomb/py.typed" in names_in(wheel)
    assert len(pages_in(without_ours.parent / "share/man/man1")) > 25


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def pages_in(folder: Path) -> list[str]:
    """Check that the manual pages of the program and of its commands are there; their names."""
    names = sorted(path.name for path in folder.iterdir())
    assert {"gorillacomb.1", "gorillacomb-scan.1", "gorillacomb-trace-verify.1"} <= set(names)
    return names


def test_pip_install(
    checkout: Path, offline: dict[str, str], without_ours: Path, tmp_path: Path
) -> None:
    call([*pip(without_ours), "install", "."], offline, checkout)
    works(without_ours / "gorillacomb", offline, tmp_path)


def test_pipx_install(checkout: Path, offline: dict[str, str], tmp_path: Path) -> None:
    call([sys.executable, "-m", "pipx", "install", "."], offline, checkout)
    works(tmp_path / "bin" / "gorillacomb", offline, tmp_path)
    pages_in(tmp_path / "man" / "man1")
