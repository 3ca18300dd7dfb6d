"""Describes the machine and the software that the figures hold for."""

import contextlib
import importlib.metadata
import os
import platform
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

from .places import REPOSITORY

PACKAGES = (
    "blake3",
    "xxhash",
    "orjson",
    "click",
    "tqdm",
    "sqlite-utils",
    "platformdirs",
    "watchdog",
    "cryptography",
    "securesystemslib",
    "dulwich",
)


def describe(tree: Path) -> dict[str, str]:
    """What to know about this machine, in the order in which it is printed."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores{_virtual()}",
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "file system": _file_system(tree),
        "load at the start": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Python": _python(),
        "SQLite": sqlite3.sqlite_version,
        "packages": ", ".join(_packages()),
        "source": _commit(),
    }


def _python() -> str:
    """With its build: one without profile-guided optimization takes a fifth longer."""
    branch, date = platform.python_build()
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{name} (build {branch}, {date}; {platform.python_compiler()})"


def _cpuinfo(key: str) -> str:
    with contextlib.suppress(OSError):
        found = re.search(rf"^{key}\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1]
    return ""


def _processor() -> str:
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string")
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _virtual() -> str:
    return " (virtual machine)" if "hypervisor" in _cpuinfo("flags").split() else ""


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.1f} GiB"


def _file_system(path: Path) -> str:
    """The type of the file system that holds `path`, and the options that cost or save time."""
    best = (-1, "unknown")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _device, point, kind, options, *_rest = line.split()
            mount = Path(point.replace("\\040", " "))
            if path.is_relative_to(mount) and len(mount.parts) >= best[0]:
                told = [one for one in options.split(",") if re.search("atime|compress|data=", one)]
                best = (len(mount.parts), f"{kind} ({', '.join(told)})" if told else kind)
    return best[1]


def _packages() -> list[str]:
    found = []
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return found


def _commit() -> str:
    found = _output("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty")
    return f"commit {found}" if found else "no commit"


def _output(*argv: str) -> str:
    with contextlib.suppress(OSError):
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    return ""
