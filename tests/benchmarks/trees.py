"""The trees that are timed: made once in the cache folder, described, and reused.

Another tree is one more function in `RECIPES`, which fills a folder and says what is in it.
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from . import generated, project
from .places import BenchError, cache

# Where the copies of the project stand. The first is the part that `memory` scans for comparison.
COPIES = (
    "Replit Apps/HealthTrack",
    "GROK PROFILE/New Folder With Items/HealthTrack",
    "GROK PROFILE/Temp folder mac downloads/New Folder With Items/HealthTrack",
    "GROK PROFILE/INJ THE BENINGING_files/New Folder With Items/HealthTrack",
)


@dataclass(frozen=True)
class Content:
    """What a folder holds. `bytes` and `median_size` are of its regular files.

    `mark` is a short digest of the relative names and sizes: equal marks, equal trees.
    """

    files: int
    folders: int
    links: int
    empty_files: int
    hidden_files: int
    bytes: int
    median_size: int
    mark: str


@dataclass(frozen=True)
class Tree:
    """A tree ready to be timed; `part` is the folder in it that stands for a smaller tree."""

    name: str
    origin: str
    warning: str
    content: Content
    part_name: str
    part_content: Content

    @property
    def path(self) -> Path:
        """The folder to scan."""
        return cache() / "trees" / self.name

    @property
    def part(self) -> Path:
        """The smaller folder to scan."""
        return self.path / self.part_name


@dataclass(frozen=True)
class _Made:
    origin: str
    warning: str
    part_name: str


Say = Callable[[str], None]


def _packages(folder: Path, say: Say) -> _Made:
    """Four copies of one React and Express project, the later ones a little different."""
    master = folder.with_name("project.part")
    say("tree: installing the project's dependencies (minutes, once)")
    origin, warning = project.make(master, say)
    for number, name in enumerate(COPIES):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(master), str(place)], check=True)
        for edit in range(number):
            changed = place / "client/src/components" / f"Panel{edit:02}.tsx"
            changed.write_text(changed.read_text() + f"// edited in copy {number}\n")
            (place / f"notes{edit}.txt").write_text(f"only in copy {number}: {edit}\n")
    shutil.rmtree(master)
    return _Made(
        f"four copies (`cp -a`) of a React and Express project; {origin}", warning, COPIES[0]
    )


def _recipe(fill: Callable[[Path], str], part: str = "") -> Callable[[Path, Say], _Made]:
    """The recipe of a tree that is made up; ``part`` is the folder that stands for less of it."""

    def make(folder: Path, say: Say) -> _Made:
        say(f"tree: writing {fill.__name__} files (once)")
        return _Made(fill(folder), "", part)

    return make


RECIPES: dict[str, Callable[[Path, Say], _Made]] = {
    "packages": _packages,
    "unique": _recipe(generated.unique),
    "photos": _recipe(generated.photos, "phone"),
    "large": _recipe(generated.large),
    "million": _recipe(generated.million, "a"),
}


def ready(name: str, say: Say) -> Tree:
    """The tree called `name`: as it was made before, or made now."""
    folder = cache() / "trees" / name
    record = folder.with_suffix(".json")
    if record.exists() and folder.exists():
        return _read(record)
    unfinished = folder.with_suffix(".part")
    for leftover in (unfinished, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    record.unlink(missing_ok=True)
    unfinished.mkdir(parents=True)
    made = RECIPES[name](unfinished, say)
    unfinished.rename(folder)
    tree = Tree(
        name=name,
        origin=made.origin,
        warning=made.warning,
        content=measure(folder),
        part_name=made.part_name,
        part_content=measure(folder / made.part_name),
    )
    record.write_text(json.dumps(asdict(tree), indent=2) + "\n")
    return tree


def _read(record: Path) -> Tree:
    try:
        fields = json.loads(record.read_text())
        for key in ("content", "part_content"):
            fields[key] = Content(**fields[key])
        return Tree(**fields)
    except (TypeError, KeyError, ValueError) as error:
        raise BenchError(
            f"{record.name} cannot be read ({error}): remove it and run again"
        ) from None


def measure(folder: Path) -> Content:
    """Walk `folder`, following no link, and say what it holds."""
    root = os.fsencode(folder)
    names: list[bytes] = []
    sizes: list[int] = []
    folders, links, hidden = 1, 0, 0
    for entry in _entries(root):
        if entry.is_symlink():
            links += 1
        elif entry.is_dir(follow_symlinks=False):
            folders += 1
        else:
            size = entry.stat(follow_symlinks=False).st_size
            sizes.append(size)
            names.append(b"%s %d" % (os.path.relpath(entry.path, root), size))
            hidden += b"/." in entry.path[len(root) :]
    return Content(
        files=len(sizes),
        folders=folders,
        links=links,
        empty_files=sizes.count(0),
        hidden_files=hidden,
        bytes=sum(sizes),
        median_size=int(statistics.median(sizes)) if sizes else 0,
        mark=hashlib.blake2b(b"\0".join(sorted(names)), digest_size=6).hexdigest(),
    )


def _entries(folder: bytes) -> Iterator[os.DirEntry[bytes]]:
    """Every entry below `folder`."""
    todo = [folder]
    while todo:
        with os.scandir(todo.pop()) as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                yield entry
