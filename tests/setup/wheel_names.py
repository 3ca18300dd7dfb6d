"""Write the file names of the wheels that pip would take on each platform, each with its hash.

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

from tests.setup.conftest import PIP, PLAIN, PYTHONS, Words
from tests.setup.test_locks import PLATFORMS, pinned, platform_names


def wheels_for(platform: dict[str, str], python: str) -> dict[str, str]:
    """The hashes of the wheels for a platform and a Python, by file name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        choice = [f"--platform={each}" for each in platform_names(platform)]
        words: Words = [
            *(*PIP, "install", "--quiet", "--dry-run", "--ignore-installed"),
            *("--target", folder, "--report", report, "--only-binary=:all:", "--no-deps"),
            *("--python-version", python, *choice),
            *(
                f"{name}=={version}"
                for name, version in pinned("run-time", python, platform).items()
            ),
        ]
        subprocess.run(words, env=PLAIN, check=True)
        found = json.loads(report.read_text())["install"]
    return {
        each["download_info"]["url"].rpartition("/")[2]: each["download_info"]["archive_info"][
            "hashes"
        ]["sha256"]
        for each in found
    }


def main(file: str) -> None:
    found: dict[str, str] = {}
    for platform, python in itertools.product(PLATFORMS, PYTHONS):
        found |= wheels_for(platform, python)
    Path(file).write_text("".join(f"{found[name]} {name}\n" for name in sorted(found)))


if __name__ == "__main__":
    main(sys.argv[1])
