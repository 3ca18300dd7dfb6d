"""Killed at any system call, on a full or failing disk, after a restored backup: never two trees.

An update is cut short at each of its system calls. Then everything that a person or a log may do
next is tried on copies of what is left, and all cosignatures that came out are compared.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.mesh.witness.service import Witness
from tests.dedupe.faults import by_strace, need_strace
from tests.mesh.logs import MadeLog
from tests.mesh.witness.cut_short import REFUSED, SystemCall, cut_update, traced_update
from tests.mesh.witness.outside import Outside, Places

pytestmark = by_strace
OLD, NEW = 5, 9
FAULTS = ("signal=KILL", "error=ENOSPC", "error=EIO")
SHORT = 12
"""Points of each fault where not all are tried."""
WRITING = ("write", "fsync", "openat", "rename", "flock", "close", "mkdir", "unlink", "lseek")
"""The calls that fail on a full or failing disk; others would only be faults of the test."""


@pytest.fixture
def old() -> int:
    """What was cosigned before the update."""
    return OLD


@pytest.fixture
def before(witness: Witness, log: MadeLog, old: int) -> Outside:
    """What was seen outside before the update."""
    outside = Outside(witness.identity)
    if old:
        assert outside.ask(witness, log, 0, old) == 200
    return outside


def points_of(calls: list[SystemCall], fault: str) -> list[SystemCall]:
    return [call for call in calls if fault == "signal=KILL" or call.name in WRITING]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("old", "most"),
    [(OLD, SHORT), *(pytest.param(old, None, marks=pytest.mark.deep) for old in (OLD, 0))],
)
def test_an_update_that_is_cut_short(
    witness: Witness,
    opened: Callable[[], Witness],
    log: MadeLog,
    before: Outside,
    tmp_path: Path,
    fault: str,
    old: int,
    most: int | None,
    record_property: Callable[[str, object], None],
) -> None:
    need_strace()
    places = Places.of(witness)
    body = log.request(old, NEW)
    reopen = opened
    with places.saved() as put_back:
        calls = traced_update(reopen, body, tmp_path / "log")
        points = points_of(calls, fault)
        assert len(points) > SHORT
        count = len(points) if most is None else min(most, len(points))
        chosen = [points[number * len(points) // count] for number in range(count)]
        cut = answered = 0
        for call in chosen:
            put_back()
            ended = cut_update(reopen, body, call, fault)
            cut += ended.is_killed or ended.answer == REFUSED
            answered += ended.answer not in (b"", REFUSED)
            after_a_cut(reopen(), log, old, before, places, put_back, ended.answer, str(call))
    tried = f"{len(chosen)} of {len(points)} points"
    print(f"{fault} from {old}: {tried}, {cut} cut short, {answered} answered")
    record_property("points", len(chosen))
    assert cut > count // 3


def after_a_cut(
    witness: Witness,
    log: MadeLog,
    old: int,
    before: Outside,
    places: Places,
    put_back: Callable[..., None],
    answer: bytes,
    what: str,
) -> None:
    """Try what may come next, each on a copy; the backup is what `put_back` brings."""
    fork = log.forked(old + 1)
    is_answered = answer not in (b"", REFUSED)

    def outside() -> Outside:
        seen = Outside(witness.identity, dict(before.roots), dict(before.latest))
        if is_answered:
            seen.saw(log.note(NEW) + answer)
        return seen

    with places.saved() as as_left:
        # The log forks at once, or asks again.
        for mine in (fork, log):
            seen = outside()
            status = seen.ask(witness, mine, old, NEW)
            assert status in (200, 409), (what, status)
            assert seen.look(witness, log) == 200, what
            if is_answered:
                assert status == 409, what
            assert seen.ask(witness, mine, NEW, NEW) in (200, 422), what
            as_left()
        # A backup of the vault is restored: at once, or after a monitor has looked.
        for is_seen in (False, True):
            for backup in (("vault",), ("apart",)):
                seen = outside()
                if is_seen:
                    assert seen.look(witness, log) in ((200,) if old or is_answered else (200, 404))
                put_back(*backup)
                statuses = [seen.ask(witness, fork, old, NEW), seen.ask(witness, log, old, NEW)]
                assert set(statuses) <= {200, 409, 503}, (what, statuses)
                seen.look(witness, log)
                if is_answered and backup == ("vault",):
                    assert statuses == [503, 503], what
                as_left()
                if is_answered:
                    assert seen.ask(witness, log, old, NEW) == 409, what


@pytest.mark.parametrize("name", ["vault", "apart"])
def test_a_full_disk_that_has_room_again(
    witness: Witness, log: MadeLog, before: Outside, name: str
) -> None:
    """On a real file system that is full: refused each time, shown all the while, then signed."""
    place = witness.state.vault_folder if name == "vault" else witness.identity.apart
    files = {file.name: file.read_bytes() for file in place.iterdir()}
    words = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(place)]
    if subprocess.run(words, capture_output=True).returncode:
        pytest.skip("MISSING: the right to mount, for a file system that is full")
    try:
        for inner, data in files.items():
            (place / inner).write_bytes(data)
        filler = os.open(place / "filler", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while os.write(filler, b"x" * 4096) == 4096:
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC
        finally:
            os.close(filler)
        for _ in range(3):
            assert before.ask(witness, log, OLD, NEW) == 503
            assert before.look(witness, log) == (200 if name == "vault" else 503)
        (place / "filler").unlink()
        assert before.ask(witness, log, OLD, NEW) == (200 if name == "vault" else 409)
        assert before.look(witness, log) == 200
    finally:
        subprocess.run(["umount", str(place)], check=True)
