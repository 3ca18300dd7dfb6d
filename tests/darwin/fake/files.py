"""Files as a made-up Mac shows them: device numbers, flags, spellings, and what is in the cloud."""

from __future__ import annotations

import builtins
import errno
import io
import os
import posix
import stat
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from tests.darwin.fake.configuration import FakeVolume, Machine

SF_DATALESS = 0x40000000
HIDDEN = ("/proc", "/sys", "/run/udev", "/dev/disk")
FLAGS = "user.fake.flags"
_O_PATH = 0o10000000
_BY_PATH = (
    *("open", "stat", "lstat", "scandir", "listdir", "readlink", "mkdir", "unlink", "rmdir"),
    *("utime", "chmod", "access", "statvfs"),
)
_TWO_PATHS = ("rename", "link", "replace")
_RAISING = os.strerror  # loaded before anything is replaced
real: dict[str, Callable[..., Any]] = {name: getattr(posix, name) for name in (*_BY_PATH, "fstat")}
_getxattr = posix.getxattr


class FakeFacts:
    """A stat as macOS has it."""

    def __init__(self, facts: os.stat_result, changes: dict[str, int]) -> None:
        self.__dict__["facts"] = facts
        self.__dict__.update(changes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "facts":
            raise AttributeError(name)
        return getattr(self.facts, name)

    def __getitem__(self, at: int) -> Any:
        return self.facts[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FakeFacts) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.facts)

    def __reduce__(self) -> Any:
        return FakeFacts, (self.facts, {k: v for k, v in vars(self).items() if k != "facts"})


class FakeEntry:
    """An entry of a folder."""

    def __init__(self, files: FakeFiles, entry: os.DirEntry[Any], folder: Any) -> None:
        self._files, self._entry, self._folder = files, entry, folder
        self.name, self.path = entry.name, entry.path
        self.is_dir, self.is_file, self.is_symlink = entry.is_dir, entry.is_file, entry.is_symlink

    def inode(self) -> int:
        try:
            return int(self.stat(follow_symlinks=False).st_ino)
        except PermissionError:  # the listing has it all the same
            return self._entry.inode()

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        if isinstance(self._folder, int):
            return os.stat(self.name, dir_fd=self._folder, follow_symlinks=follow_symlinks)
        return os.stat(self.path, follow_symlinks=follow_symlinks)

    def __fspath__(self) -> Any:
        return self.path


class FakeListing:
    """What `os.scandir` returns."""

    def __init__(self, files: FakeFiles, listing: Any, folder: Any) -> None:
        self._listing = listing
        self._entries = (FakeEntry(files, each, folder) for each in listing)

    def __iter__(self) -> Iterator[FakeEntry]:
        return self._entries

    def __next__(self) -> FakeEntry:
        return next(self._entries)

    def __enter__(self) -> FakeListing:
        return self

    def __exit__(self, *raised: object) -> None:
        self._listing.close()

    def close(self) -> None:
        self._listing.close()


class FakeFiles:
    """Replaces the functions of `os` and `open`."""

    def __init__(self, machine: Machine) -> None:
        self.materializes = True
        """Whether reading what is only in the cloud downloads it: a policy of the process."""
        self.be(machine)

    def be(self, machine: Machine) -> None:
        """Show files as one machine has them."""
        self.machine = machine
        self.dataless = set()
        for path in machine.dataless:
            facts = posix.lstat(path)
            self.dataless.add((facts.st_dev, facts.st_ino))

    def log(self, line: str) -> None:
        descriptor = posix.open(self.machine.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        posix.write(descriptor, os.fsencode(line) + b"\n")
        posix.close(descriptor)

    def replace(self) -> None:
        for name in _BY_PATH:
            self._put(name, self._by_path(name))
        for name in _TWO_PATHS:
            self._put(name, self._two_paths(getattr(posix, name)))
        self._put("fstat", lambda descriptor: self.facts(posix.fstat(descriptor), descriptor))
        opened = io.open

        def open_by_name(file: Any, *words: Any, **named: Any) -> Any:
            if not isinstance(file, int):
                file = self.spelled(file)
                self._refuse_hidden(file)
                self._note_opened(file, None)
            return opened(file, *words, **named)

        for module in (io, builtins):
            setattr(module, "open", open_by_name)  # noqa: B010

    def _put(self, name: str, function: Callable[..., Any]) -> None:
        before = getattr(os, name)
        for group in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if before in group:
                group.add(function)
        setattr(os, name, function)

    def _by_path(self, name: str) -> Callable[..., Any]:
        def call(path: Any = ".", *words: Any, **named: Any) -> Any:
            folder = named.get("dir_fd")
            path = self.spelled(path, folder)
            self._refuse_hidden(path)
            if name in ("stat", "lstat"):
                follow = name == "stat" and named.get("follow_symlinks", True)
                return self.facts(real[name](path, *words, **named), path, folder, follow)
            if name == "open":
                self._note_opened(path, folder, words[0] if words else named.get("flags", 0))
            if name in ("scandir", "listdir"):
                self._note_listed(path)
            done = real[name](path, *words, **named)
            if name == "statvfs":
                return self._space(done, path)
            return FakeListing(self, done, path) if name == "scandir" else done

        call.__name__ = name
        return call

    def _two_paths(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(source: Any, target: Any, **named: Any) -> Any:
            source = self.spelled(source, named.get("src_dir_fd"))
            return function(source, self.spelled(target, named.get("dst_dir_fd")), **named)

        return call

    def _refuse_hidden(self, path: Any) -> None:
        if not isinstance(path, int) and path is not None:
            text = os.fsdecode(path)
            if text.startswith(HIDDEN):
                raise FileNotFoundError(errno.ENOENT, _RAISING(errno.ENOENT), text)

    # What a path leads to

    def path_of(self, path: Any, folder: int | None = None, follow: bool = True) -> str | None:
        """The absolute path of a file, given by path or descriptor; None if it has none."""
        if isinstance(path, int):
            return _path_of_descriptor(path)
        flags = _O_PATH | (0 if follow else os.O_NOFOLLOW)
        try:
            opened = posix.open(path, flags, dir_fd=folder)
        except OSError:
            return None
        try:
            return _path_of_descriptor(opened)
        finally:
            posix.close(opened)

    def volume_of(self, path: str) -> FakeVolume | None:
        """The innermost volume that a path is on."""
        on = [
            each
            for each in self.machine.volumes
            if path == each.path or path.startswith(each.path.rstrip("/") + "/")
        ]
        return max(on, key=lambda each: len(each.path), default=None)

    def facts(
        self, facts: os.stat_result, path: Any, folder: int | None = None, follow: bool = True
    ) -> Any:
        changes = {"st_flags": 0}
        at = self.path_of(path, folder, follow)
        volume = None if at is None else self.volume_of(at)
        if volume is not None and volume.device is not None:
            changes["st_dev"] = volume.device
        if volume is not None and at is not None and not stat.S_ISLNK(facts.st_mode):
            changes["st_flags"] = flags_at(at)
            if volume.type == "exfat" and not facts.st_size and stat.S_ISREG(facts.st_mode):
                changes["st_ino"] = 1  # it has no cluster to be numbered by
        if (facts.st_dev, facts.st_ino) in self.dataless:
            changes["st_flags"] |= SF_DATALESS
            changes["st_blocks"] = 0
        return FakeFacts(facts, changes)

    def _space(self, space: os.statvfs_result, path: Any) -> Any:
        at = self.path_of(path)
        volume = None if at is None else self.volume_of(at)
        device = None if volume is None else volume.device
        # f_fsid.val[0] is the device number: statvfs(3) copies it (xnu, bsd/vfs/vfs_subr.c).
        fsid = posix.stat(path).st_dev if device is None else device
        fields = {name: getattr(space, name) for name in dir(space) if name.startswith("f_")}
        return type("FakeSpace", (), {**fields, "f_fsid": fsid})()

    # What is only in the cloud, and what is forbidden

    def is_dataless(self, path: Any, folder: int | None = None) -> bool:
        try:
            facts = real["stat"](path, dir_fd=folder) if folder is not None else posix.stat(path)
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) in self.dataless

    def _note_opened(self, path: Any, folder: int | None, flags: int = 0) -> None:
        if flags & _O_PATH or not self.is_dataless(path, folder):
            return
        if flags & os.O_DIRECTORY:
            return  # only listing it downloads what it lists
        self.log(f"opened {self.path_of(path, folder)}")
        self._refuse_download(path)

    def _note_listed(self, folder: Any) -> None:
        at = self.path_of(folder)
        for number, closed in (
            (errno.EPERM, self.machine.forbidden),
            (errno.EACCES, self.machine.denied),
        ):
            if at in closed:
                raise PermissionError(number, _RAISING(number), folder)
        if self.is_dataless(folder):
            self.log(f"listed {at}")
            self._refuse_download(folder)

    def _refuse_download(self, path: Any) -> None:
        if not self.materializes:
            self.raise_as_darwin(errno.EDEADLK, path)
        self.log(f"downloaded {self.path_of(path) if isinstance(path, int) else path}")

    def raise_as_darwin(self, number: int, path: Any) -> NoReturn:
        raise OSError(number, _RAISING(number), path)

    # Spellings

    def spelled(self, path: Any, folder: int | None = None) -> Any:
        """The path as the disk below has it, on a volume that folds names."""
        if isinstance(path, int) or path is None:
            return path
        given = os.fspath(path)
        text = os.fsdecode(given)
        if not any(each.folds_names for each in self.machine.volumes):
            return path
        top = os.fsdecode(posix.getcwd()) if folder is None else (self.path_of(folder) or "/")
        at, found = "/", list[str]()
        parts = os.path.join(top, text).split("/")
        for part in parts:
            if part in ("", "."):
                continue
            name = part if part == ".." else self._listed(at, part)
            found.append(name)
            at = os.path.join(at, name)
        spelled = "/" + "/".join(found)
        volume = self.volume_of(spelled)
        if volume is None or not volume.folds_names or text in ("", "."):
            return path
        if not os.path.isabs(text):
            spelled = "/".join(found[len(found) - len([p for p in text.split("/") if p]) :])
        return os.fsencode(spelled) if isinstance(given, bytes) else spelled

    def _listed(self, folder: str, name: str) -> str:
        path = os.path.join(folder, name)
        volume = self.volume_of(path)
        if volume is None or not volume.folds_names:
            return name
        try:
            posix.lstat(path)
            return name
        except OSError:
            pass
        try:
            names = posix.listdir(folder)
        except OSError:
            return name
        return next((each for each in names if _folded(each) == _folded(name)), name)


def _path_of_descriptor(descriptor: int) -> str | None:
    try:
        found = os.fsdecode(posix.readlink(f"/proc/self/fd/{descriptor}"))
    except OSError:
        return None  # it is deeper than a path may be long
    return found if found.startswith("/") else None


def flags_at(path: str) -> int:
    """The flags that a test or the program gave a file."""
    try:
        return int(_getxattr(path, FLAGS))
    except OSError:
        return 0


def _folded(name: str) -> str:
    return unicodedata.normalize("NFD", name).casefold()
