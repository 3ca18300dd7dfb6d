"""Several processes answer for one witness: one at a time, whoever asks, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gorillacomb.mesh.witness.service import Witness
from tests.mesh.logs import MadeLog
from tests.mesh.witness.outside import Outside, size_of
from tests.support.run import REPOSITORY, environment

SCRIPT = """
import json, sys
from pathlib import Path
from gorillacomb.errors import VaultError
from gorillacomb.mesh.witness.protocol import WitnessRefusal
from gorillacomb.mesh.witness.service import Witness
from gorillacomb.vault.vault import Vault
from tests.mesh.logs import MadeLog
witness = Witness.open(Vault(Path(sys.argv[1])))
log = MadeLog().forked(int(sys.argv[2]))
old = 0
print("ready", flush=True)
sys.stdin.readline()
while old < 60:
    try:
        lines = witness.add_checkpoint(log.request(old, old + 1))
    except WitnessRefusal as error:
        if error.status != 409:
            break
        old = int(error.text)
        continue
    old += 1
    print(json.dumps([old, lines.decode()]), flush=True)
"""


def started(vault: Path, fork: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(vault), str(fork)],
        env=environment(vault),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def race(vault: Path, forks: list[int], kill_after: float | None) -> list[tuple[int, int, str]]:
    """Let processes offer their stories at the same time; what each was given, by its fork."""
    running = [started(vault, fork) for fork in forks]
    seen = []
    try:
        for each in running:
            assert each.stdout is not None and each.stdout.readline() == "ready\n"
        for each in running:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(running[0].pid, signal.SIGKILL)
        for fork, each in zip(forks, running, strict=True):
            said, _ = each.communicate(timeout=60)
            for line in said.splitlines():
                if line.endswith("]"):  # whole, if its writer was killed
                    size, lines = json.loads(line)
                    seen.append((fork, size, lines))
    finally:
        for each in running:
            each.kill()
            each.wait()
    return seen


def test_two_processes_cosign_one_story(witness: Witness, log: MadeLog) -> None:
    seen = race(witness.vault.folder, [30, 40], None)
    outside = Outside(witness.identity, in_order=False)
    for fork, size, lines in sorted(seen, key=lambda each: each[1]):
        outside.saw(log.forked(fork).note(size) + lines.encode())
    sizes = [size for _, size, _ in seen]
    assert len(sizes) == len(set(sizes))
    assert size_of(witness, log) == max(sizes)


def test_one_of_two_is_killed_and_the_other_goes_on(witness: Witness, log: MadeLog) -> None:
    seen = race(witness.vault.folder, [60, 60], 0.15)
    outside = Outside(witness.identity, in_order=False)
    for fork, size, lines in sorted(seen, key=lambda each: each[1]):
        outside.saw(log.forked(fork).note(size) + lines.encode())
    assert size_of(witness, log) == 60
