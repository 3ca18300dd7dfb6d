"""The locks hold: what they name is all that is needed, and nothing that is released changes it."""

from __future__ import annotations

import io
import itertools
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import Parser
from pathlib import Path

import pytest
from packaging import tags
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from tests.setup.conftest import LOCKS, PIP, PLAIN, PYTHONS, Wheels, Words, locked
from tests.support.run import REPOSITORY

PROJECT = REPOSITORY / "pyproject.toml"


PLATFORMS = [
    {"sys_platform": system, "platform_machine": machine}
    for system, machine in (
        *(("darwin", "arm64"), ("darwin", "x86_64")),
        *(("linux", "x86_64"), ("linux", "aarch64")),
    )
]
MACOS = (13, 0)
"""The oldest that Apple still mended when `wheels.txt` was made."""
GLIBC = [(2, minor) for minor in range(31, 16, -1)]
"""Debian 11 has 2.31."""
HERE = Path(__file__).parent
WITHOUT_INTEL_MACS = ("cryptography", "49")
"""A package, and its first version that has no wheel for them."""


def environment(python: str, extra: str = "") -> dict[str, str]:
    """The markers' values on this system with another Python."""
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    return {
        **{name: str(value) for name, value in default_environment().items()},
        **versions,
        "extra": extra,
    }


def pinned(lock: str, python: str, platform: dict[str, str] | None = None) -> dict[str, str]:
    """The versions that pip installs of a lock, by name; on another platform if one is given."""
    found: dict[str, str] = {}
    for entry, _ in locked(lock):
        if entry.marker is None or entry.marker.evaluate(environment(python) | (platform or {})):
            (only,) = entry.specifier
            assert only.operator == "==", entry
            assert canonicalize_name(entry.name) not in found, "it is named twice"
            found[canonicalize_name(entry.name)] = only.version
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_pinned_with_hashes(lock: str) -> None:
    for entry, block in locked(lock):
        assert [only.operator for only in entry.specifier] == ["=="], entry
        assert "--hash=sha256:" in block, entry
        assert not entry.extras, "an extra asks for more than the line names"
    assert "://" not in LOCKS[lock].read_text("utf-8"), "a lock names no host"


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_for_development_has_all_of_the_other(python: str) -> None:
    assert pinned("run-time", python).items() <= pinned("development", python).items()


@pytest.mark.parametrize("lock", ["run-time", "development"])
def test_nothing_is_built_from_source_on_an_intel_mac(lock: str) -> None:
    """What has a wheel for the others has one there: in 2026 only one package differed."""
    name, first = WITHOUT_INTEL_MACS
    dependencies = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["dependencies"]
    for platform, python in itertools.product(PLATFORMS, PYTHONS):
        is_intel_mac = platform == {"sys_platform": "darwin", "platform_machine": "x86_64"}
        found = Version(pinned(lock, python, platform)[name])
        assert (found < Version(first)) == is_intel_mac, (platform, python, found)
        wanted = [
            each
            for each in map(Requirement, dependencies)
            if each.name == name
            and (each.marker is None or each.marker.evaluate(environment(python) | platform))
        ]
        assert len(wanted) == 1 and found in wanted[0].specifier
        assert (Version(first) in wanted[0].specifier) != is_intel_mac


def wanted_by(extra: str) -> list[Requirement]:
    """What the project asks for with an extra; with ``all``, what each of them asks for."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    asked = [*map(Requirement, project["dependencies"])]
    for name, lines in project["optional-dependencies"].items():
        if extra in (name, "all"):
            asked += [each for each in map(Requirement, lines) if each.name != project["name"]]
    return asked


def reached(
    roots: Iterable[Requirement], asked: Mapping[str, Iterable[str]], values: dict[str, str]
) -> set[str]:
    """The packages that some requirements lead to, where the markers have these values.

    ``asked`` is what each package requires; one that it lacks is taken to require nothing.
    """
    waiting = [(root, "") for root in roots]
    done: set[tuple[str, str]] = set()
    while waiting:
        wanted, extra = waiting.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({**values, "extra": extra}):
            continue
        name = str(canonicalize_name(wanted.name))
        for each in {(name, ""), *((name, extra) for extra in wanted.extras)} - done:
            done.add(each)
            waiting += [(Requirement(line), each[1]) for line in asked.get(name, ())]
    return {name for name, _ in done}


def wheels_in_list() -> dict[str, str]:
    """The hashes of the wheels in the list, by file name."""
    lines = [line.split() for line in (HERE / "wheels.txt").read_text().splitlines()]
    return {file: sha256 for sha256, file in lines}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_list_of_wheels_has_what_each_extra_leads_to(python: str, wheels: Wheels) -> None:
    listed = {str(parse_wheel_filename(file)[0]) for file in wheels_in_list()}
    asked = {
        str(parse_wheel_filename(wheel.name)[0]): requirements(wheel)
        for wheel in wheels[python].iterdir()
    }
    for platform in PLATFORMS:
        found = reached(wanted_by("all"), asked, environment(python) | platform)
        assert {"fastapi", "pydantic-core", "urllib3", "cryptography"} <= found
        assert found <= listed


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda each: " ".join(each.values()))
@pytest.mark.parametrize("python", PYTHONS)
def test_each_package_has_a_wheel_for_each_platform(python: str, platform: dict[str, str]) -> None:
    """So pip builds none from its source, which takes a compiler, for Rust as a rule.

    The list has the packages of each extra too.
    """
    version = tuple(map(int, python.split(".")))
    kinds = platform_names(platform)
    fitting = {
        *tags.cpython_tags(version, platforms=kinds),
        *tags.compatible_tags(version, f"cp{version[0]}{version[1]}", kinds),
    }
    locked_text = LOCKS["development"].read_text("utf-8")
    there, listed = set(), set(pinned("run-time", python, platform))
    for file, sha256 in wheels_in_list().items():
        assert f"--hash=sha256:{sha256}" in locked_text, f"{file} is of another lock"
        name, number, _, made_for = parse_wheel_filename(file)
        listed.add(str(name))
        if not made_for.isdisjoint(fitting):
            there.add((str(name), str(number)))
    needed = {
        (name, version)
        for name, version in pinned("development", python, platform).items()
        if name in listed
    }
    assert needed - there == set()


def platform_names(platform: dict[str, str]) -> list[str]:
    """What a wheel may name as its platform, to be installed on one."""
    machine = platform["platform_machine"]
    if platform["sys_platform"] == "darwin":
        return list(tags.mac_platforms(MACOS, machine))
    many = [f"manylinux_{major}_{minor}_{machine}" for major, minor in GLIBC]
    return [*many, f"manylinux2014_{machine}", f"linux_{machine}"]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", ["run-time", "development"])
def test_whatever_a_package_asks_for_is_in_the_lock(lock: str, python: str, wheels: Wheels) -> None:
    named = pinned(lock, python)
    asked: dict[str, set[str]] = {}
    for wheel in wheels[python].iterdir():
        name, version, *_ = parse_wheel_filename(wheel.name)
        if str(name) not in named:
            continue
        assert str(version) == named[str(name)]
        for line in requirements(wheel):
            asked.setdefault(str(name), set()).add(line)
    assert set(asked) <= set(named)
    # An extra that a package asks of another counts too: `pydantic[email]` is what broke a lock.
    waiting = [(name, "") for name in named]
    done = set(waiting)
    for package, extra in waiting:
        for line in asked.get(package, ()):
            wanted = Requirement(line)
            if wanted.marker and not wanted.marker.evaluate(environment(python, extra)):
                continue
            other = str(canonicalize_name(wanted.name))
            assert other in named, f"{package} asks for {line}, which {lock} lacks"
            assert wanted.specifier.contains(named[other], prereleases=True), (package, line)
            more = {(other, each) for each in wanted.extras} - done
            waiting += more
            done |= more


def requirements(wheel: Path) -> list[str]:
    """What a wheel says it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (
            name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)
        )
        return Parser().parsestr(archive.read(path).decode()).get_all("Requires-Dist") or []


def test_a_release_of_everything_changes_nothing(tmp_path: Path, wheels: Wheels) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    newest = tmp_path / "released"
    newest.mkdir()
    for name in pinned("development", here):
        release(newest, name.replace("-", "_"), "9999.0")
    report = tmp_path / "report.json"
    words: Words = [
        *(*PIP, "install", "--quiet", "--dry-run", "--ignore-installed", "--report", report),
        *("--no-index", "--find-links", wheels[here], "--find-links", newest),
        *("--only-binary=:all:", "--no-deps", "--require-hashes"),
        *("-r", LOCKS["development"]),
    ]
    done = subprocess.run(words, env=PLAIN, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    chosen = {
        canonicalize_name(each["metadata"]["name"]): each["metadata"]["version"]
        for each in json.loads(report.read_text())["install"]
    }
    assert chosen == pinned("development", here)


def release(folder: Path, name: str, version: str) -> None:
    """Make a wheel as an index would offer it tomorrow."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = f"{name}-{version}.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(data.getvalue())
