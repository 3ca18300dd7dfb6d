"""The choice for many contents at once is that of the rules, copy by copy."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.canonical.keep_criteria import BUILT_IN
from gorillacomb.canonical.selector import CanonicalSelector
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import pack_copy_order
from gorillacomb.vault.vault import Vault
from tests.dedupe import drives
from tests.folders.forests import forests
from tests.stamping.trace import events, stamping_scan
from tests.support.trees import Tree, make_tree, scan


def give_times(top: Path, dice: random.Random) -> None:
    """Few times, so that some copies are of one age."""
    for folder, _, names in os.walk(top):
        for name in names:
            time = 10**18 + dice.randrange(3)
            os.utime(Path(folder, name), ns=(time, time), follow_symlinks=False)


@given(forests(), st.randoms(use_true_random=False), st.booleans())
def test_it_chooses_as_the_rules_do(tree: Tree, dice: random.Random, prefers: bool) -> None:
    def preferred(path: bytes) -> bool:
        return prefers and b"album" in path

    with tempfile.TemporaryDirectory() as folder:
        top, vault = make_tree(Path(folder, "top"), tree), Path(folder, "vault")
        give_times(top, dice)
        scan(vault, top)
        with Index.read(Vault(vault)) as index:
            groups = GroupReader(index, is_online, preferred)
            chooser = CanonicalSelector(index, groups, prefers)
            for held in stamps.contents_to_stamp(index.connection):
                found = groups.of_any_content(held.digest)
                assert found is not None
                copies = found.copies
                rules = BUILT_IN.choose_canonical(copies)
                best = copies[rules.winner]
                assert chooser.rank(held, ()).choose() == (
                    best.folder,
                    os.path.basename(best.path),
                    best.mtime_ns,
                    rules.reasons,
                )
                assert stamps.content(index.connection, held.digest) == held
                ranked = [copies[at] for at in BUILT_IN.order(copies)]
                order = [(copy.folder, os.path.basename(copy.path)) for copy in ranked]
                ranking = chooser.rank(held, ())
                assert ranking.order == order
                assert ranking.packed in (None, pack_copy_order(order))
                known = dice.sample(order, dice.randint(1, len(order)))
                now, choose, _ = chooser.rank(held, known)
                assert (now[0], sorted(now)) == (choose()[:2], sorted(order))
                assert chooser.rank(held, now).order == now
                after = chooser.rank(held, known[:1]).order
                assert [each for each in after if each in known[1:]] == [
                    each for each in order if each in known[1:]
                ]


def test_with_workers_it_is_as_without(tmp_path: Path) -> None:
    top = tmp_path / "top"
    drives.build(top, random.Random(7))
    told = []
    for workers in (0, 1, 3):
        vault = tmp_path / f"vault {workers}"
        assert stamping_scan(vault, top, workers=workers).stamps.stamped > 5
        stamps_told = [each for each in events(vault) if each["event"] == "stamp"]
        fields = ("blake3", "path", "copies", "reasons")
        told.append(sorted([str(each[name]) for name in fields] for each in stamps_told))
    assert told[0] == told[1] == told[2]
