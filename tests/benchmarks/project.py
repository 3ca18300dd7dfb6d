"""Makes one copy of a typical React and Express project, with its real dependencies if it can."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .places import BenchError

# A scan of fewer files than this would not be a scan of a real project.
MIN_FILES = 37_500
INSTALL_TIMEOUT = 1800.0

DEPENDENCIES = {
    "@emotion/react": "11.11.4",
    "@emotion/styled": "11.11.5",
    "@mui/material": "5.15.15",
    "@tanstack/react-query": "5.29.2",
    "axios": "1.6.8",
    "drizzle-orm": "0.30.8",
    "express": "4.19.2",
    "firebase": "10.11.0",
    "monaco-editor": "0.47.0",
    "pdfjs-dist": "4.1.392",
    "pg": "8.11.5",
    "react": "18.2.0",
    "react-dom": "18.2.0",
    "react-router-dom": "6.22.3",
    "react-scripts": "5.0.1",
    "recharts": "2.12.5",
    "three": "0.163.0",
    "zod": "3.22.4",
}
DEV_DEPENDENCIES = {
    "@types/express": "4.17.21",
    "@types/react": "18.2.79",
    "@types/react-dom": "18.2.25",
    "typescript": "4.9.5",
}
PIP_PACKAGES = (
    "ansible==9.5.1",
    "botocore==1.34.84",
    "Django==5.0.4",
    "plotly==5.21.0",
    "sympy==1.12",
)


def make(folder: Path, say: Callable[[str], None]) -> tuple[str, str]:
    """Make the project in `folder`, which is new. Returns what it is made of, and a warning.

    The warning is empty when the dependencies are those of `npm install`; without npm they are
    Python packages, without pip they are generated, and the warning says so and why.
    """
    warnings = []
    for fill in (_npm, _pip, _generated):
        shutil.rmtree(folder, ignore_errors=True)
        _own_sources(folder)
        try:
            origin = fill(folder)
            files = sum(1 for path in folder.rglob("*") if path.is_file())
            if files < MIN_FILES:
                raise BenchError(f"only {files} files, not {MIN_FILES}: {origin}")
        except (BenchError, OSError, subprocess.SubprocessError) as error:
            warnings.append(f"NOT A REAL npm PROJECT: {fill.__name__[1:]} failed: {error}")
            say(warnings[-1])
        else:
            return origin, " | ".join(warnings)
    raise BenchError("no tree could be made: " + " | ".join(warnings))


def _own_sources(folder: Path) -> None:
    """The project's own files: small sources in client/, server/ and shared/, some hidden."""
    texts = {
        "package.json": json.dumps(
            {
                "name": "health-track",
                "version": "1.0.0",
                "private": True,
                "dependencies": DEPENDENCIES,
                "devDependencies": DEV_DEPENDENCIES,
            },
            indent=2,
        ),
        ".gitignore": "node_modules/\nbuild/\n.env\n",
        ".env.example": "DATABASE_URL=postgres://localhost/health\n",
        "README.md": "# HealthTrack\n\nKeeps track of health.\n",
        "client/src/index.css": "",
    }
    for number in range(60):
        texts[f"client/src/components/Panel{number:02}.tsx"] = _source("Panel", number)
        texts[f"server/routes/route{number:02}.ts"] = _source("route", number)
    for number in range(12):
        texts[f"shared/schema{number:02}.ts"] = _source("schema", number)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _source(kind: str, number: int) -> str:
    lines = [f"export function {kind}{number}_{line}() {{ return {line}; }}" for line in range(40)]
    return "\n".join(lines[: 5 + number % 36]) + "\n"


def _run(argv: list[str], folder: Path) -> str:
    """Run an installer in `folder`; its stdout, or `BenchError` with the end of its stderr."""
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip()[-600:].replace(str(folder), "PROJECT")
        raise BenchError(f"{Path(argv[0]).name} said: {said}")
    return done.stdout.strip()


def _npm(folder: Path) -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError("npm is not installed (apt-get install npm)")
    store = folder.parent / "npm-cache"
    try:
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(store)]
        _run([npm, "install", *quiet], folder)
    finally:
        shutil.rmtree(store, ignore_errors=True)
    packages = len(json.loads((folder / "package-lock.json").read_text())["packages"]) - 1
    return f"npm {_run([npm, '--version'], folder)} install: {packages} packages"


def _pip(folder: Path) -> str:
    target = folder / "site-packages"
    quiet = ["--quiet", "--no-deps", "--no-compile", "--no-cache-dir", "--target", str(target)]
    _run([sys.executable, "-m", "pip", "install", *quiet, *PIP_PACKAGES], folder)
    return f"pip install of {', '.join(PIP_PACKAGES)}"


def _generated(folder: Path) -> str:
    """47,000 generated files in 3,000 folders, sized as source files are (median 1.5 kB)."""
    chance = random.Random(20240401)
    for number in range(47_000):
        place = folder / "generated" / f"package{number % 1500:04}" / f"part{number % 4}"
        place.mkdir(parents=True, exist_ok=True)
        size = min(int(chance.lognormvariate(7.3, 1.4)), 4_000_000)
        (place / f"file{number:05}.js").write_bytes(chance.randbytes(size))
    return "47,000 generated files"
