"""The last checkpoint of each log, kept outside its vault, so that a restored vault is noticed.

Beside them is the evidence of forks: two checkpoints of one log that contradict each other.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from gorillacomb.errors import VaultUnwritable
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text, owner_advice

_MOST_BYTES = 1 << 20


class AnchorStore:
    """The folder with one file per log, named by the log's id."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, log: str) -> Path:
        """Return the path of a log's anchor."""
        return self.folder / log

    def read(self, log: str) -> bytes | None:
        """Return the last checkpoint as a signed note; None if this machine has none of the log."""
        try:
            return read_bounded(self.path(log), _MOST_BYTES, follow=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.path(log), error) from error

    def followers(self, log: str) -> set[str]:
        """Return the ids of the logs that have adopted a log, each of them here.

        Raises VaultUnwritable.
        """
        path = self.folder / "followers" / log
        try:
            return set(read_bounded(path, _MOST_BYTES).decode("ascii", "replace").split())
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise _unusable(path, error) from error

    def add_follower(self, log: str, new: str) -> None:
        """Note durably that a log was adopted by another: a backup of it may come back later."""
        known = sorted(self.followers(log) | {new})
        self._write(self.folder / "followers" / log, "\n".join([*known, ""]).encode())

    def fork_path(self, origin: str) -> Path:
        """Return where the evidence is that a log forked."""
        return self.folder / "forks" / sha256(origin.encode()).hexdigest()

    def is_forked(self, origin: str) -> bool:
        """Return whether there is evidence that a log forked. Raises VaultUnwritable."""
        path = self.fork_path(origin)
        try:
            return path.exists()
        except OSError as error:  # a parent folder without search permission
            raise _unusable(path, error) from error

    def forks(self) -> list[tuple[Path, bytes]]:
        """Return the files with the evidence of forks, and their content.

        Raises VaultUnwritable.
        """
        folder = self.folder / "forks"
        try:
            names = sorted(each.name for each in folder.iterdir() if "." not in each.name)
            return [(folder / name, read_bounded(folder / name, _MOST_BYTES)) for name in names]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unusable(folder, error) from error

    def write_fork(self, origin: str, evidence: bytes, notes: tuple[bytes, bytes]) -> Path:
        """Write the evidence of a fork, if there is none yet; return its path.

        The two checkpoints are files of their own beside it, for other programs. Raises
        VaultUnwritable.
        """
        path = self.fork_path(origin)
        if not path.exists():
            for number, note in enumerate(notes, 1):
                self._write(path.with_name(f"{path.name}.{number}.note"), note)
            self._write(path, evidence)
        return path

    def write(self, log: str, checkpoint: bytes) -> None:
        """Store a checkpoint durably: write a temporary file, fsync, rename, fsync the folder."""
        self._write(self.path(log), checkpoint)

    def _write(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, data, 0o600)
        except OSError as error:
            raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> VaultUnwritable:
    return VaultUnwritable(
        f"The anchor {path} cannot be used: {os_error_text(error)}.",
        owner_advice(str(path), error)
        or "Check that folder, its permissions and its disk's free space.",
    )
