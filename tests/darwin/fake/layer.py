"""Put the made-up Mac in place of Linux, for this process and the Python processes it starts."""

from __future__ import annotations

# Modules that ask what system this is when they are imported; they run on Linux all the same.
import asyncio  # noqa: F401
import ctypes
import ctypes.util
import fcntl
import logging  # noqa: F401
import multiprocessing.context
import multiprocessing.popen_spawn_posix  # noqa: F401
import os
import pathlib  # noqa: F401
import platform  # noqa: F401
import random  # noqa: F401
import resource  # noqa: F401
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request  # noqa: F401
import zipfile  # noqa: F401
from collections.abc import Callable
from typing import Any

from tests.darwin.fake.configuration import Machine
from tests.darwin.fake.files import FakeFiles
from tests.darwin.fake.library import FakeLibrary
from tests.darwin.fake.missing import take_away

_installed: list[FakeFiles] = []


def become(file: str) -> None:
    """Let this process, which is on a made-up Mac already, be on the one that a file describes."""
    _installed[0].be(Machine.read(file))


def install(file: str) -> None:
    """Make this process one on the Mac that a file describes."""
    sysconfig.get_config_vars()
    files = FakeFiles(Machine.read(file))
    _installed.append(files)
    library = FakeLibrary(files)
    load = ctypes.CDLL

    def cdll(name: str | None = None, *words: Any, **named: Any) -> Any:
        return library if name is None else load(name, *words, **named)

    take_away()
    files.replace()
    setattr(ctypes, "CDLL", cdll)  # noqa: B010
    setattr(fcntl, "fcntl", library.control)  # noqa: B010
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        files.log(f"fsync {files.path_of(descriptor)}")
        sync(descriptor)

    setattr(os, "fsync", fsync)  # noqa: B010
    # What these two found when they were imported.
    setattr(tempfile, "_O_TMPFILE_WORKS", False)  # noqa: B010
    setattr(shutil, "_copyxattr", lambda *words, **named: None)  # noqa: B010
    setattr(subprocess, "run", _programs(files))  # noqa: B010
    setattr(sys, "platform", "darwin")  # noqa: B010
    if files.machine.is_examined:
        from gorillacomb.fs import lease
        from gorillacomb.fs.darwin import untested

        setattr(untested, "refuse_untested", lambda *words: None)  # noqa: B010
        setattr(lease, "SURELY_CLOSED_NS", 0)  # noqa: B010


def _programs(files: FakeFiles) -> Callable[..., Any]:
    """`subprocess.run`, for which there is a program that Linux lacks."""
    run = subprocess.run

    def run_there(words: Any, *others: Any, **named: Any) -> Any:
        if not isinstance(words, str) and words[0] == "/usr/sbin/ioreg":
            files.log("ioreg")
            if files.machine.registry is None:
                raise subprocess.CalledProcessError(1, words)
            words = ("/bin/cat", files.machine.registry)
        return run(words, *others, **named)

    return run_there
