"""Writes the sample in the README, which is what the program prints.

``python -m tests.support.readme README.md`` writes it, ``--check README.md`` fails when it drifted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fixtures import build_drive, remove_drive

_CAPTURED = {"scan .": None, "folders": 14}
"""Commands of the sample, and how many lines of each are shown."""


def run(arguments: list[str], home: Path, folder: Path | None = None) -> str:
    """What a command prints on stdout, 80 columns wide, with a home of its own."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(home),
        "GORILLACOMB_VAULT": str(home / "vault"),
        "COLUMNS": "80",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "gorillacomb", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1, 3) or not done.stdout:
        raise RuntimeError(f"gorillacomb {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def capture(home: Path) -> str:
    """What a person sees who combs the fixture drive."""
    drive = home / "Drive"
    built = build_drive(drive)
    for path in built.unreadable:  # root reads those, others do not
        os.chmod(drive / os.fsdecode(path), 0o755)
    for copy in built.copies.values():  # what is in .git differs between versions of git
        shutil.rmtree(os.path.join(built.path(copy.path), b".git"), ignore_errors=True)
    try:
        shown = []
        for command, most in _CAPTURED.items():
            lines = run(command.split(), home, drive).splitlines()[:most]
            cut = f" | head -{most}" if most else ""
            shown.append("\n".join([f"$ gorillacomb {command}{cut}", *lines, ""]))
    finally:
        remove_drive(drive)
    text = "\n".join(shown).replace(f"{drive}", "~/Drive").replace(f"{home}", "~")
    return f"```console\n{text}```"


def replaced(readme: str, name: str, block: str) -> str:
    """The README with another text between two markers."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(readme):
        raise RuntimeError(f"the README has no place for {name}")
    return pattern.sub(lambda match: match[1] + block + "\n" + match[2], readme)


def without_times(text: str) -> str:
    """Timings and clock times differ from run to run and say nothing of drift."""
    text = re.sub(r"\b\d+\.\d s\b", "N s", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "DATE", text)


def main() -> int:
    check = "--check" in sys.argv
    path = Path(sys.argv[-1])
    readme = path.read_text()
    with tempfile.TemporaryDirectory() as folder:
        fresh = replaced(readme, "capture", capture(Path(folder)))
    if without_times(fresh) == without_times(readme):
        return 0
    if check:
        print(f"{path} is not what the program prints: run make docs", file=sys.stderr)
        return 1
    path.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
