"""A file that somebody has open for writing is known as such, and asking harms nobody."""

from __future__ import annotations

import fcntl
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.fs import lease
from gorillacomb.fs.lease import is_open_for_writing
from gorillacomb.fs.mounts import Mount
from tests.support.disks import Disks
from tests.support.mounts import tmpfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="MISSING: Linux, for its leases")

CONTENT = b"content"


@pytest.fixture(params=["here", "tmpfs", "ext4", "xfs", "btrfs", "overlay"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "here":
        yield tmp_path
    elif request.param == "tmpfs":
        with tmpfs(tmp_path / "tmpfs", "1M") as point:
            yield point
    elif request.param == "overlay":
        yield request.getfixturevalue("overlay")
    else:
        disks: Disks = request.getfixturevalue("disks")
        yield disks.plug(request.param, disks.image(request.param), disks.point("mnt"))


@pytest.fixture
def overlay(disks: Disks) -> Path:
    lower, upper, work = (disks.point(name) for name in ("lower", "upper", "work"))
    point = disks.point("overlay")
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    return disks.mount("overlay", point, "-t", "overlay", "-o", options)


@pytest.fixture
def reader(folder: Path) -> Iterator[int]:
    (folder / "file").write_bytes(CONTENT)
    descriptor = os.open(folder / "file", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_writers_and_maps_are_seen_and_readers_are_not(folder: Path, reader: int) -> None:
    assert is_open_for_writing(reader) is False
    with open(folder / "file", "rb"):
        assert is_open_for_writing(reader) is False
    with open(folder / "file", "r+b") as writer:
        assert is_open_for_writing(reader) is True
        mapped = mmap.mmap(writer.fileno(), len(CONTENT))
    assert is_open_for_writing(reader) is True  # the descriptor is closed, the map is not
    mapped.close()
    assert is_open_for_writing(reader) is False


def test_no_lease_stays(folder: Path, reader: int) -> None:
    assert is_open_for_writing(reader) is False
    assert fcntl.fcntl(reader, fcntl.F_GETLEASE) == fcntl.F_UNLCK


HAMMER = """
import os, sys
from gorillacomb.fs.lease import is_open_for_writing
file = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
seen = {is_open_for_writing(file) for _ in range(20_000)}
print(sorted(seen))
"""


def test_a_writer_that_comes_at_any_moment_ends_nobody(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    command = [sys.executable, "-c", HAMMER, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "ready\n"
        while asking.poll() is None:
            with open(file, "ab"):
                pass
        assert asking.returncode == 0  # 157 where the lease is broken by SIGIO
        assert asking.stdout.read() == "[False, True]\n"


def test_it_may_be_asked_in_any_thread(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    answers: list[bool | None] = []

    def ask() -> None:
        with open(file, "rb") as opened:
            answers.append(is_open_for_writing(opened.fileno()))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers == [False]


def test_what_another_machine_may_write_to_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [
        Mount("0:99", b"/", b"/mnt", "nfs4", "server:/"),
        Mount("0:9", b"/", b"/", "btrfs", ""),
    ]
    monkeypatch.setattr(lease, "mounts", lambda: shown)
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    with open(file, "rb") as opened:
        facts = os.fstat(opened.fileno())
        fields = list(facts)
        for number, expected in ((os.makedev(0, 99), None), (os.makedev(0, 9), False)):
            fields[2] = number
            with monkeypatch.context() as patched:
                seen = os.stat_result(tuple(fields))
                patched.setattr(os, "fstat", lambda _, seen=seen: seen)
                assert is_open_for_writing(opened.fileno()) is expected


def test_a_file_of_somebody_else_is_unknown(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to become somebody else")
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    tmp_path.chmod(0o755)
    asked = os.open(file, os.O_RDONLY)
    child = os.fork()
    if child == 0:
        os.setuid(12345)  # which drops CAP_LEASE
        os._exit(0 if is_open_for_writing(asked) is None else 1)
    os.close(asked)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
