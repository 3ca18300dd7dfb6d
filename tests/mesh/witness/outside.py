"""What everyone outside has seen of a witness: no two trees of one size, no size that goes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from gorillacomb.errors import VaultError
from gorillacomb.mesh.witness.identity import WitnessIdentity
from gorillacomb.mesh.witness.protocol import WitnessRefusal
from gorillacomb.mesh.witness.service import Witness
from gorillacomb.mesh.witness.state import name_of
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.keys.cosign import cosignatures
from tests.mesh.logs import MadeLog


@dataclass
class Outside:
    """Collects every cosignature that left the machine."""

    identity: WitnessIdentity
    roots: dict[tuple[str, int], bytes] = field(default_factory=dict)
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By origin: the greatest size that was cosigned, and when."""
    in_order: bool = True
    """Whether they are seen in the order in which they were made."""

    def saw(self, note: bytes) -> None:
        """Take a cosigned checkpoint in; fails where the witness contradicts itself."""
        checkpoint, _ = parse_checkpoint(note)
        found = cosignatures(note, self.identity.keys)
        assert len(found) == 2, note
        key = (checkpoint.origin, checkpoint.size)
        assert self.roots.setdefault(key, checkpoint.root) == checkpoint.root, key
        seconds = max(each.seconds for each in found)
        before = self.latest.get(checkpoint.origin, (0, 0))
        if checkpoint.size < before[0]:
            assert seconds <= before[1], "a later time on a smaller size"
            assert not self.in_order
        self.latest[checkpoint.origin] = max(before, (checkpoint.size, seconds))

    def ask(self, witness: Witness, log: MadeLog, old: int, size: int) -> int:
        """Send a well-behaved request; return the status, 503 for an error of the vault."""
        try:
            lines = witness.add_checkpoint(log.request(old, size))
        except WitnessRefusal as error:
            return int(error.status)
        except VaultError:
            return 503
        self.saw(log.note(size) + lines)
        return 200

    def look(self, witness: Witness, log: MadeLog) -> int:
        """Ask for the newest checkpoint as a monitor does."""
        try:
            note = witness.checkpoint(name_of(log.origin))
        except WitnessRefusal as error:
            return int(error.status)
        except VaultError:
            return 503
        self.saw(note)
        return 200


def size_of(witness: Witness, log: MadeLog) -> int:
    """The size that the witness says it cosigned last."""
    try:
        witness.add_checkpoint(log.request(60, 61))
    except WitnessRefusal as error:
        assert error.status == 409
        return int(error.text)
    raise AssertionError


@dataclass
class Places:
    """The two folders of a witness, which can be saved and put back, each by itself."""

    vault: Path
    """The folder of the mesh in the vault."""
    apart: Path

    @classmethod
    def of(cls, witness: Witness) -> Places:
        return cls(witness.vault.folder / "mesh", witness.identity.apart)

    @contextmanager
    def saved(self) -> Iterator[Callable[..., None]]:
        """Yield a function that puts back what is there now: ``vault``, ``apart`` or both."""
        with TemporaryDirectory() as folder:
            kept = {"vault": Path(folder, "vault"), "apart": Path(folder, "apart")}
            for name, copy in kept.items():
                shutil.copytree(getattr(self, name), copy)

            def put_back(*names: str) -> None:
                for name in names or tuple(kept):
                    shutil.rmtree(getattr(self, name), ignore_errors=True)
                    shutil.copytree(kept[name], getattr(self, name))

            yield put_back
