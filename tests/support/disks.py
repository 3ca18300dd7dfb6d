"""Images of real file systems, mounted through loop devices; most of this needs root.

What a machine lacks is named in the reason of a skip, with the package that holds it.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

PACKAGES = {
    "losetup": "mount",
    "mount": "mount",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.xfs": "xfsprogs",
    "btrfs": "btrfs-progs",
    "mkfs.exfat": "exfatprogs",
    "mount.exfat-fuse": "exfat-fuse",
    "mkfs.vfat": "dosfstools",
    "fusefat": "fusefat",
}
"""Programs and the Debian packages in which they are."""
MIB = 1 << 20
SIZES = {
    "ext4": 32 * MIB,
    "exfat": 32 * MIB,
    "vfat": 32 * MIB,
    "btrfs": 128 * MIB,
    "xfs": 320 * MIB,
}
OPTIONS = {
    "ext4": ("-q", "-F", "-E", "lazy_itable_init=0"),
    "btrfs": ("-q",),
    "xfs": ("-q", "-m", "reflink=1"),
}
PATIENCE = 10.0
"""Seconds within which a FUSE driver must have started or ended."""

_SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def need(*programs: str, device: str = "") -> None:
    """Skip, loudly, where images cannot be made or mounted."""
    if sys.platform != "linux":
        pytest.skip("MISSING: Linux, whose mounts these tests are about")
    missing = [name for name in programs if shutil.which(name, path=_SEARCH) is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[name] for name in missing}))
        pytest.skip(f"MISSING: {', '.join(missing)}, for real file systems: apt install {packages}")
    if not may_mount():
        pytest.skip("MISSING: the right to mount, for real file systems: run the tests as root")
    if device and not os.path.exists(device):
        module = {"/dev/fuse": "fuse", "/dev/loop-control": "loop"}[device]
        pytest.skip(f"MISSING: {device}, for real file systems: modprobe {module}")


@cache
def may_mount() -> bool:
    """Whether this user may mount; root in a container may not."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as point:
        command = ["mount", "-t", "tmpfs", "tmpfs", point]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", point], check=True)
    return True


def run(*command: str | Path) -> str:
    """Run a command; its output, or an error that shows it."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": _SEARCH},
    )
    shown = " ".join(map(str, command))
    assert done.returncode == 0, f"{shown}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def until(ready: Callable[[], bool], what: str) -> None:
    """Wait for another process."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, f"not {what} within {PATIENCE} s"
        time.sleep(0.01)


@dataclass
class Disks:
    """Makes images and mounts; takes away at the end what is still there of its own."""

    place: Path
    mounts: list[Path] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    drivers: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)
    pulled: dict[Path, str] = field(default_factory=dict)
    """Images that were taken away while in use, and the devices that they were on."""

    def image(self, kind: str, name: str = "image", size: int = 0, options: str = "") -> Path:
        """A new image with an empty file system; ``options`` are other ones for its mkfs."""
        driver = {"exfat": ("mount.exfat-fuse",), "vfat": ("fusefat",)}.get(kind, ())
        if driver:
            need(*driver, device="/dev/fuse")
        need(f"mkfs.{kind}", "mount", "losetup", device="/dev/loop-control")
        path = self.place / name
        with open(path, "wb") as file:
            file.truncate(size or SIZES[kind])
        run(f"mkfs.{kind}", *(options.split() or OPTIONS.get(kind, ())), path)
        return path

    def point(self, name: str) -> Path:
        """An empty folder to mount on."""
        path = self.place / name
        path.mkdir(exist_ok=True)
        return path

    def attach(self, image: Path) -> str:
        """A loop device for an image: another one each time."""
        device = run("losetup", "--find", "--show", image)
        self.devices.append(device)
        return device

    def detach(self, device: str) -> None:
        self.devices.remove(device)
        run("losetup", "--detach", device)

    def mount(self, what: str | Path, point: Path, *options: str) -> Path:
        """Mount anything that mount(8) knows."""
        try:
            run("mount", *options, what, point)
        except AssertionError as error:
            if "unknown filesystem type" in str(error):
                pytest.skip(f"MISSING: a driver in this kernel: modprobe {options[1]} ({error})")
            raise
        self.mounts.append(point)
        return point

    def plug(self, kind: str, image: Path, point: Path) -> Path:
        """Mount an image the way that fits its file system."""
        if kind == "vfat":
            return self._by_fusefat(image, point)
        if image in self.pulled:
            self._let_go(self.pulled.pop(image))
        device = self.attach(image)
        if kind == "exfat":
            run("mount.exfat-fuse", device, point)
            self.mounts.append(point)
            return point
        return self.mount(device, point, "-t", kind)

    def _by_fusefat(self, image: Path, point: Path) -> Path:
        command = [shutil.which("fusefat", path=_SEARCH) or "", "-f", "-o", "rw+"]
        silent = subprocess.DEVNULL
        driver = subprocess.Popen([*command, image, point], stdout=silent, stderr=silent)
        self.mounts.append(point)
        self.drivers[point] = driver
        until(lambda: os.path.ismount(point) or driver.poll() is not None, "mounted by fusefat")
        assert driver.poll() is None, "fusefat ended at once"
        return point

    def unplug(self, point: Path, keep_port: bool = False) -> None:
        """Unmount, and wait until everything is written.

        With ``keep_port`` the image stays on its device, so that it gets another one next time.
        """
        device = self._device_of(point)
        run("umount", point)
        self.mounts.remove(point)
        if device is not None:
            _write_out(device)
            if not keep_port:
                self.detach(device)
        if point in self.drivers:
            self.drivers.pop(point).wait(PATIENCE)

    def pull(self, point: Path) -> None:
        """Take a drive away while it is in use."""
        device = self._device_of(point)
        assert device is not None
        self.pulled[Path(run("losetup", "--noheadings", "--output", "BACK-FILE", device))] = device
        run("umount", "--lazy", point)
        self.mounts.remove(point)

    def _device_of(self, point: Path) -> str | None:
        return next((each for each in self.devices if _is_on(each, point)), None)

    def _let_go(self, device: str) -> None:
        """Detach a device as soon as nobody uses it any more."""

        def is_free() -> bool:
            try:
                os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
            except OSError as error:
                assert error.errno == errno.EBUSY
                return False
            return True

        until(is_free, f"free: {device}")
        self.detach(device)

    def close(self) -> None:
        for point in reversed(self.mounts):
            if subprocess.run(["umount", point], capture_output=True, check=False).returncode:
                subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)
        for device in self.devices:
            subprocess.run(["losetup", "--detach", device], capture_output=True, check=False)
        for driver in self.drivers.values():
            try:
                driver.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                driver.kill()
                driver.wait()


def _is_on(device: str, point: Path) -> bool:
    """Whether a device is what is mounted; btrfs shows a device number of its own."""
    facts = os.stat(device)
    shown = f" {os.major(facts.st_rdev)}:{os.minor(facts.st_rdev)} "
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(f" {point} " in line and (shown in line or f" {device} " in line) for line in lines)


def _write_out(device: str) -> None:
    descriptor = os.open(device, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
