"""Jobs: real commands in the background, cancelled, killed, queued, on a full disk."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.server.jobs import (
    MOST_LIVE,
    Job,
    JobRequest,
    JobState,
    cancel,
    find_job,
    list_jobs,
    open_job_result,
    start,
)
from gorillacomb.clock import process_start
from gorillacomb.errors import RefusedForSafety, UntrustedInput, UsageError, VaultUnwritable
from gorillacomb.jobs.folder import EXIT, JobFolder, JobProcess
from gorillacomb.jobs.start import jobs_folder
from gorillacomb.jobs.supervisor import Supervisor
from gorillacomb.vault.vault import Vault
from tests.support.run import until
from tests.support.trees import make_tree, scan


def wait_for(vault: Vault, job: Job, wanted: Callable[[Job], bool]) -> Job:
    """Wait until a job is as wanted, and return it."""
    assert until(lambda: wanted(find_job(vault, job.id)), 120), find_job(vault, job.id)
    return find_job(vault, job.id)


def ended(vault: Vault, job: Job) -> Job:
    return wait_for(vault, job, lambda job: not job.state.is_live)


def result_of(vault: Vault, job: Job) -> dict[str, Any]:
    file = open_job_result(vault, job.id)
    assert file is not None
    with file:
        found: dict[str, Any] = json.load(file)
    return found


@pytest.fixture
def opened(vault: Path) -> Vault:
    made = Vault(vault)
    made.create()
    return made


def blocked_scan(tmp_path: Path, opened: Vault) -> Job:
    """A scan that waits, until the vault's lock is released."""
    tree = make_tree(tmp_path / "blocked", {"a": "x"})
    return start(opened, JobRequest("scan", {"paths": (os.fsencode(tree),)}))


@contextmanager
def running_scan(tmp_path: Path, opened: Vault) -> Iterator[tuple[Job, JobProcess]]:
    """A scan whose command runs and waits for the vault's lock."""
    opened.lock()
    try:
        job = blocked_scan(tmp_path, opened)
        wait_for(opened, job, lambda job: job.state is JobState.RUNNING)
        process = JobFolder(job.folder).process()
        assert process is not None
        yield job, process
    finally:
        opened.unlock()


def test_a_scan_is_carried_out_and_its_result_kept(tmp_path: Path, opened: Vault) -> None:
    tree = make_tree(tmp_path / "-tree", {"a": "x" * 100, "b": "x" * 100, "c.tmp": "y"})
    request = JobRequest("scan", {"paths": (os.fsencode(tree),), "exclude": ("*.tmp",)})
    job = ended(opened, start(opened, request))
    assert (job.state, job.exit_code, job.meaning) == (JobState.DONE, 0, "done")
    assert result_of(opened, job)["files"] == 2
    assert job.progress is not None and job.progress["event"] == "progress"
    assert json.loads(job.events.read_bytes().splitlines()[-1])["event"] == "end"
    assert job.options["paths"] == [{"path": str(tree)}]
    assert [each.id for each in list_jobs(opened)] == [job.id]
    assert {path.stat().st_mode & 0o77 for path in job.folder.rglob("*")} == {0}
    assert job.folder.stat().st_mode & 0o77 == 0


def test_a_result_that_is_not_complete(tmp_path: Path, opened: Vault) -> None:
    scan(opened.folder, make_tree(tmp_path / "tree", {"a": "x"}))
    job = ended(opened, start(opened, JobRequest("overview")))
    whole = (job.folder / "result.json").read_bytes()
    assert json.loads(whole) == result_of(opened, job)
    for end in range(1, len(whole)):
        (job.folder / "result.json").write_bytes(whole[:end])
        with pytest.raises(UntrustedInput, match="not complete"):
            open_job_result(opened, job.id)


def test_a_command_that_fails_says_why(tmp_path: Path, opened: Vault) -> None:
    request = JobRequest("scan", {"paths": (os.fsencode(tmp_path / "missing"),)})
    job = ended(opened, start(opened, request))
    assert (job.state, job.exit_code) == (JobState.DONE, 2)
    assert "missing" in job.error and "Traceback" not in job.error
    assert open_job_result(opened, job.id) is None


def test_a_long_request_and_much_that_was_reported(tmp_path: Path, opened: Vault) -> None:
    """A scan of a drive with many unreadable files says so about each."""
    tree = make_tree(tmp_path / "tree", {"a": "x"})
    long = tuple(f"{number}{'é' * 4000}" for number in range(100))
    request = JobRequest("scan", {"paths": (os.fsencode(tree),), "exclude": long})
    job = ended(opened, start(opened, request))
    assert job.exit_code == 0, job.error
    assert job.options["exclude"] == list(long)
    (job.folder / "stderr").write_bytes(b"unreadable\n" * 200_000 + b"the last line\n")
    assert list_jobs(opened)[0].error.endswith("the last line")
    assert len(find_job(opened, job.id).error) <= 2000


def test_writers_take_turns_and_readers_do_not_wait(tmp_path: Path, opened: Vault) -> None:
    scan(opened.folder, make_tree(tmp_path / "tree", {"a": "x"}))
    opened.lock()
    try:
        first = wait_for(opened, blocked_scan(tmp_path, opened), lambda job: job.started_ns != 0)
        wait_for(opened, first, lambda job: job.state is JobState.RUNNING)
        second = blocked_scan(tmp_path, opened)
        reader = ended(opened, start(opened, JobRequest("overview")))
        assert (reader.state, reader.exit_code) == (JobState.DONE, 0)
        assert find_job(opened, second.id).state is JobState.QUEUED
    finally:
        opened.unlock()
    first, second = ended(opened, first), ended(opened, second)
    assert first.ended_ns is not None and second.started_ns is not None
    assert first.ended_ns <= second.started_ns


def test_cancelling(tmp_path: Path, opened: Vault) -> None:
    opened.lock()
    try:
        running = blocked_scan(tmp_path, opened)
        wait_for(opened, running, lambda job: job.state is JobState.RUNNING)
        queued = blocked_scan(tmp_path, opened)
        cancel(opened, queued.id)
        found = ended(opened, queued)
        assert (found.state, found.started_ns) == (JobState.CANCELLED, None)
        cancel(opened, running.id)
        found = ended(opened, running)
    finally:
        opened.unlock()
    assert (found.state, found.exit_code) == (JobState.CANCELLED, 130)
    assert cancel(opened, running.id).state is JobState.CANCELLED, "what has ended stays as it is"


def test_a_job_whose_processes_are_killed_has_died(tmp_path: Path, opened: Vault) -> None:
    with running_scan(tmp_path, opened) as (job, process):
        os.kill(process.supervisor[0], signal.SIGKILL)
        assert until(lambda: not process_start(process.supervisor[0]))
        assert find_job(opened, job.id).state is JobState.RUNNING, "its command goes on"
        cancel(opened, job.id)
        found = ended(opened, job)
        assert (found.state, found.exit_code) == (JobState.DIED, None)
    assert ended(opened, blocked_scan(tmp_path, opened)).exit_code == 0, "the next one can begin"


def test_a_killed_command_is_told(tmp_path: Path, opened: Vault) -> None:
    with running_scan(tmp_path, opened) as (job, process):
        os.kill(process.command[0], signal.SIGKILL)
        found = ended(opened, job)
    assert (found.state, found.exit_code) == (JobState.DONE, None)
    assert JobFolder(job.folder).exit() is not None


def test_another_process_with_the_number_of_a_killed_one_is_not_signalled(
    tmp_path: Path, opened: Vault
) -> None:
    with running_scan(tmp_path, opened) as (job, real):
        place = job.folder / "process.json"
        document = json.loads(place.read_bytes())
        document["processes"] = [(os.getpid(), "1"), (os.getpid(), "1")]  # of another start
        place.write_text(json.dumps(document))
        os.kill(real.supervisor[0], signal.SIGKILL)
        cancel(opened, job.id)  # would end these tests
        os.kill(real.command[0], signal.SIGINT)
        assert ended(opened, job).state is JobState.DIED


def test_too_many_jobs_are_refused(tmp_path: Path, opened: Vault) -> None:
    base = jobs_folder(opened)
    locks = []
    for number in range(MOST_LIVE):
        folder = base / f"20200101T000000.{number:06}-00000000"
        folder.mkdir(parents=True)
        (folder / "request.json").write_text('{"kind": "overview", "options": {}}')
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        locks.append(lock)
    with pytest.raises(RefusedForSafety, match="running or waiting"):
        start(opened, JobRequest("overview"))
    os.close(locks.pop())
    started: list[Job] = []

    together = threading.Barrier(16)

    def try_it() -> None:
        together.wait()
        with suppress(RefusedForSafety):
            started.append(start(opened, JobRequest("scan")))

    opened.lock()  # so that none ends
    try:
        threads = [threading.Thread(target=try_it) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(started) == 1, "also if many come at once"
        for _ in range(2):
            cancel(opened, started[0].id)
        assert not ended(opened, started[0]).state.is_live
    finally:
        opened.unlock()
    for lock in locks:
        os.close(lock)
    assert ended(opened, start(opened, JobRequest("overview"))).exit_code is not None


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("rm", {}, "no job"),
        ("scan", {"paths": ("/a",)}, "type bytes"),
        ("scan", {"paths": (b"a",)}, "absolute"),
        ("scan", {"paths": b"/a"}, "not a list"),
        ("scan", {"exclude": ("--vault=/x",)}, "begin with"),
        ("scan", {"vault": "/x"}, "no option"),
        ("scan", {"quick": 1}, "type bool"),
        ("apply", {"plan": b"/p"}, "requires"),
        ("unique", {}, "requires"),
    ],
)
def test_wrong_requests_are_refused(kind: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        JobRequest(kind, options)


@pytest.mark.parametrize("job", ["..", "../../x", "20260101T000000.000000-00000000", ""])
def test_no_other_folder_is_a_job(opened: Vault, job: str) -> None:
    with pytest.raises(UsageError, match="no job"):
        find_job(opened, job)


def test_a_full_disk_refuses_the_job(opened: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    base = jobs_folder(opened)
    base.parent.mkdir(parents=True, exist_ok=True)
    base.symlink_to("/dev/full")
    with pytest.raises(VaultUnwritable, match="Starting a job failed"):
        start(opened, JobRequest("overview"))


def test_any_error_has_room_where_the_end_is_written(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "job")
    folder.path.mkdir()
    folder.reserve(EXIT)
    Supervisor(folder, tmp_path, -1)._end(None, error='"\\é\udcff\U0001f98d\x00' * 400)
    found = folder.exit()
    assert found is not None and found.error.startswith('"\\\\xe9\\udcff')
