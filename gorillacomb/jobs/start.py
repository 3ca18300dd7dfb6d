"""Create jobs and start them, end them, and remove those of long ago."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gorillacomb.clock import process_start
from gorillacomb.errors import RefusedForSafety, VaultUnwritable
from gorillacomb.fs.darwin.system import boot_id
from gorillacomb.fs.durable_files import create_file, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.jobs.folder import (
    CANCEL,
    DROPPED,
    EXIT,
    LOCK,
    PROCESS,
    REQUEST,
    JobFolder,
    JobState,
    jobs_in,
)
from gorillacomb.jobs.request import JobRequest
from gorillacomb.vault.vault import Vault, create_state_folder, vault_state_folder

MOST_LIVE = 32
"""Jobs of a vault that run or wait; a further one is refused."""
_KEPT_JOBS = 200
"""Jobs that have ended and are kept."""
_KEPT_NS = 30 * 86_400 * 1_000_000_000
_MOST_CANCELS = 2
_starting = threading.Lock()
"""Held from counting jobs to starting another: many requests come at once."""


def jobs_folder(vault: Vault) -> Path:
    """Return the folder of a vault's jobs."""
    return vault_state_folder(vault, "jobs")


def start_job(vault: Vault, request: JobRequest, dropped: Path | None = None) -> JobFolder:
    """Start a job, which runs on its own from then on.

    A folder with what was ``dropped`` becomes the job's own; if it cannot start, it stays. Raises
    RefusedForSafety if too many are waiting, VaultUnwritable if the disk of the state folder is
    full or fails.
    """
    base = jobs_folder(vault)
    try:
        create_state_folder(base)
        with _starting:
            _remove_old(base)
            if sum(job.is_locked() for job in jobs_in(base)) >= MOST_LIVE:
                raise RefusedForSafety(
                    f"{MOST_LIVE} jobs are running or waiting.", "Wait for them, or cancel some."
                )
            return _start(base, vault, request, dropped)
    except OSError as error:
        raise VaultUnwritable(
            f"Starting a job failed in {base}: {os_error_text(error)}.",
            "Make room on that disk, or check its permissions.",
        ) from error


def _start(base: Path, vault: Vault, request: JobRequest, dropped: Path | None) -> JobFolder:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    name = f"{moment}-{secrets.token_hex(4)}"
    new = JobFolder(base / f".{name}")
    new.path.mkdir(mode=0o700)
    lock = -1
    try:
        create_file(new.path / REQUEST, (json.dumps(request.to_dict()).encode(),), 0o600)
        for each in (PROCESS, EXIT):
            new.reserve(each)
        lock = os.open(new.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = JobFolder(base / name)
        if dropped is not None:
            os.rename(dropped, new.path / DROPPED)
        try:
            os.rename(new.path, job.path)
        except OSError:
            if dropped is not None:
                os.rename(new.path / DROPPED, dropped)
            raise
        sync_folder(base)
        words = [sys.executable, "-m", "gorillacomb.jobs.supervisor"]
        subprocess.run(
            [*words, job.path, vault.folder.absolute(), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            pass_fds=(lock,),
            start_new_session=True,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        if dropped is not None:
            os.rename(job.path / DROPPED, dropped)
        shutil.rmtree(job.path)
        raise OSError(errno.EIO, f"its supervisor ended with {error.returncode}") from error
    except BaseException:
        shutil.rmtree(new.path, ignore_errors=True)
        raise
    finally:
        if lock >= 0:
            os.close(lock)
    return job


def cancel_job(job: JobFolder) -> None:
    """Ask a job to end in good order; asked again, it ends at once.

    A job that has ended is left as it is. Raises OSError.
    """
    if not job.state().is_live:
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(job.path / CANCEL, flags, 0o600)
    try:
        if os.fstat(descriptor).st_size < _MOST_CANCELS:
            os.write(descriptor, b"\n")
    finally:
        os.close(descriptor)
    process = job.process()
    if process is None or process.boot != boot_id() or job.state() is not JobState.RUNNING:
        return
    if not _signal_process(*process.supervisor, 0):  # it was killed, and the command goes on
        _signal_process(*process.command, signal.SIGINT)


def _signal_process(pid: int, start: str, number: int) -> bool:
    """Send a signal to a process if it is still the one with that start; return whether it is."""
    if not start or not hasattr(os, "pidfd_open"):
        return number == 0  # unknown: as if it were there
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if process_start(pid) != start:
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, number)
            return True
        return False
    finally:
        os.close(descriptor)


def _remove_old(base: Path) -> None:
    """Remove jobs that ended long ago, or that many others followed, and half-made ones."""
    ended = [job for job in jobs_in(base) if not job.is_locked()]
    before = time.time_ns() - _KEPT_NS
    for number, job in enumerate(reversed(ended)):
        if number >= _KEPT_JOBS or job.path.stat().st_mtime_ns < before:
            shutil.rmtree(job.path)
        else:
            job.remove_dropped()  # its supervisor was killed
    for path in base.glob(".2*"):
        if path.stat().st_mtime_ns < before:
            shutil.rmtree(path)
