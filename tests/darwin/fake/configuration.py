"""What a made-up Mac consists of: written by a test, read by each process that runs on it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class FakeVolume:
    """A folder that a volume is mounted on."""

    path: str
    type: str = "apfs"
    uuid: str | None = None
    """In hexadecimal digits."""
    device: int | None = None
    """None: as the folder has it."""
    source: str = "/dev/disk3s1"
    folds_names: bool = False
    """Whether it takes other cases and Unicode forms of a name for the same one."""


@dataclass
class Machine:
    """All that processes on it see that way."""

    log: str
    volumes: list[FakeVolume] = field(default_factory=list)
    dataless: list[str] = field(default_factory=list)
    """Files and folders whose contents are only in the cloud."""
    renames_exclusively: bool = True
    forbidden: list[str] = field(default_factory=list)
    """Folders that the user's privacy settings close to programs."""
    denied: list[str] = field(default_factory=list)
    """Folders that their modes close to the user, as other users' homes are."""
    is_examined: bool = False
    """Whether what changes files waits for no result of `doctor`, and what deletes them for no day:
    for tests of other things."""
    clones: dict[str, int] = field(default_factory=dict)
    """Bytes that are a file's own, by path; others share no blocks."""
    clone_ids: dict[str, int] = field(default_factory=dict)
    """What a file shares with its clones, by path; others have a number of their own."""
    boot: str = "6F0B2A5E-0000-4000-8000-000000000001"
    """New at each start."""
    build: str = "24A335"
    """New with each update."""
    events: str | None = None
    """A file of events for FSEvents, a JSON document a line; None: watchdog came without it."""
    history: int = 0
    """How many events that are older than a stream are delivered to it."""
    silent: list[str] = field(default_factory=list)
    """Folders for which no stream can be started."""
    registry: str | None = None
    """A file with what `ioreg` prints of the disks; None: that program fails."""

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: str) -> Machine:
        values = json.loads(Path(file).read_text())
        volumes = [FakeVolume(**each) for each in values.pop("volumes")]
        return cls(volumes=volumes, **values)
