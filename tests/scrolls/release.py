"""A folder with its manifest, a vault, witnesses, and scrolls: what the tests start from."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.cosign import cosignature_line, cosigner_key
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import open_trace_for_reading
from tests.support.run import Ran, run
from tests.support.trees import make_tree, settle

TREATY = ("--kind", "treaty", "--funding", "50000.00", "--currency", "USD")
WITNESSES = ("A", "B", "C")
TWO_OF_THREE = "group all-but-one 2 A B C\nquorum all-but-one\n"


def witness_key(name: str) -> Ed25519SigningKey:
    return Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))


@dataclass
class Release:
    """A folder that is to be released, and a vault that knows it."""

    top: Path
    vault: Path
    made: list[str] = field(default_factory=list)

    @property
    def app(self) -> Path:
        return self.top / "app"

    @property
    def manifest(self) -> Path:
        return self.top / "manifest.json"

    def run(self, *words: str | Path, code: int = 0) -> Ran:
        ran = run(*words, vault=self.vault)
        assert ran.code == code, ran
        return ran

    def create(self, *more: str | Path, license: str = "Apache-2.0") -> str:
        """Make a scroll; return its id."""
        words = ("--manifest", self.manifest, "--license", license, *(more or TREATY))
        found = self.run("scroll", "create", *words, "--json").json()
        self.made.append(found["scroll_id"])
        return self.made[-1]

    def show(self, scroll: str | None = None, *more: str) -> dict[str, Any]:
        ran = run("scroll", "show", scroll or self.made[-1], "--json", *more, vault=self.vault)
        assert ran.code in (0, 1), ran
        found: dict[str, Any] = ran.json()
        assert ran.code == (0 if found["planetary_motion_authorized"] else 1)
        assert found["planetary_motion_authorized"] == (not found["reasons"])
        return found

    def reasons(self, scroll: str | None = None, *more: str) -> list[str]:
        return [each["reason"] for each in self.show(scroll, *more)["reasons"]]

    def envelope(self, scroll: str | None = None) -> Path:
        return self.vault / "scrolls" / f"{scroll or self.made[-1]}.dsse"

    def verify(self, *more: str | Path, scroll: str | None = None, code: int = 0) -> dict[str, Any]:
        words = ("scroll", "verify", self.envelope(scroll), "--json", *more)
        found: dict[str, Any] = self.run(*words, code=code).json()
        return found

    def check(self) -> None:
        """Compare the folder with the manifest, and check the trace."""
        self.run("verify", self.manifest, "--root", self.app)
        self.run("trace", "verify")

    def cosign(self, *names: str, quorum: str = TWO_OF_THREE) -> None:
        """Let witnesses cosign the trace as it is, under a policy that takes two of three."""
        vault = Vault(self.vault)
        with open_trace_for_reading(vault) as ledger:
            note, log = ledger.checkpoint(), ledger.log
            keys = [VerifierKey(ledger.origin, public) for public in ledger.public_keys()]
        seconds = int(time.time())
        lines = [cosignature_line(note, f"{n}.example", witness_key(n), seconds) for n in names]
        mesh = MeshFolder(vault)
        witnesses = (
            f"witness {name} {cosigner_key(f'{name}.example', witness_key(name))}\n"
            for name in WITNESSES
        )
        logs = (f"log {key}\n" for key in keys)
        mesh.put_policy("".join([*logs, *witnesses, quorum]).encode())
        is_quorum = len(names) >= 2
        mesh.put_cosigned(log, note + "".join(lines).encode(), is_quorum=is_quorum)

    def age_checks(self, seconds: int, *names: str) -> None:
        """Make the last checks older, as if that much time had passed since."""
        for file in (Path(os.environ["HOME"]) / ".local/state/gorillacomb/checks").rglob("*.json"):
            if file.name.startswith(names or ("trace", "manifest-")):
                found = json.loads(file.read_text())
                found["as_of_ns"] -= seconds * 10**9
                file.write_text(json.dumps(found))

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("trace", "log", "-n", "0", "--json").json()[
            "entries"
        ]
        return found


def make_release(top: Path, vault: Path) -> Release:
    """A scanned folder and its manifest, without any scroll."""
    made = Release(top, vault)
    make_tree(top, {"app": {"package.json": '{"name": "app"}', "src": {"index.js": "run();"}}})
    settle(top)
    made.run("scan", made.app)
    made.run("manifest", made.app, "-o", made.manifest)
    return made
