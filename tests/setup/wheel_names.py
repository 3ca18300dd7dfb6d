"""Write the file names of the wheels that pip would take on each platform, each with its hash.

Those are of the program and of all its extras.

`python -m tests.setup.wheel_names FILE`, which asks the package index; `make lock` does. The tests
read the list, without a network.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.setup.conftest import PIP, PLAIN, PYTHONS, Words
from tests.setup.test_locks import (
    PLATFORMS,
    environment,
    pinned,
    platform_names,
    reached,
    wanted_by,
)


def wheels_for(platform: dict[str, str], python: str, names: set[str]) -> list[Any]:
    """What pip reports of the wheels of packages, as the lock names them, for a platform."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        choice = [f"--platform={each}" for each in platform_names(platform)]
        words: Words = [
            *(*PIP, "install", "--quiet", "--dry-run", "--ignore-installed"),
            *("--target", folder, "--report", report, "--only-binary=:all:", "--no-deps"),
            *("--python-version", python, *choice),
            *(
                f"{name}=={version}"
                for name, version in pinned("development", python, platform).items()
                if name in names
            ),
        ]
        subprocess.run(words, env=PLAIN, check=True)
        found: list[Any] = json.loads(report.read_text())["install"]
    return found


def main(file: str) -> None:
    found: dict[str, str] = {}
    asked: dict[str, list[str]] = {}
    for platform, python in itertools.product(PLATFORMS, PYTHONS):
        values, known = environment(python) | platform, set[str]()
        base = set(pinned("run-time", python, platform))  # which has what builds it, too
        while missing := (base | reached(wanted_by("all"), asked, values)) - known:
            known |= missing
            for each in wheels_for(platform, python, missing):
                info, data = each["download_info"], each["metadata"]
                name = info["url"].rpartition("/")[2]
                found[name] = info["archive_info"]["hashes"]["sha256"]
                asked[str(canonicalize_name(data["name"]))] = data.get("requires_dist", [])
    Path(file).write_text("".join(f"{found[name]} {name}\n" for name in sorted(found)))


if __name__ == "__main__":
    main(sys.argv[1])
