"""Quick scans of many files: whether those are read at once depends on how often sizes repeat."""

from __future__ import annotations

import os
import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.model import EntryState, ScanChanges
from gorillacomb.scan.size_sampler import SizeSampler
from tests.scan.test_lifecycle import assert_as_new, planted
from tests.support.trees import Tree, groups_in_index, groups_on_disk, rows_in_index, scan


def test_a_quick_scan_leaves_files_of_single_sizes(tmp_path: Path, vault: Path) -> None:
    """As soon as it is seen that sizes hardly come up again, only those that do are read."""
    sizes = range(100, 6_100)
    tree: dict[str | bytes, Tree] = {
        f"{start}": {f"{size}": "s" * size for size in sizes[start : start + 200]}
        for start in range(0, len(sizes), 200)
    }
    tree["z"] = {f"twin {size}": "s" * size for size in sizes[-350::7]}
    tree["near"] = {f"{size}": "t" * size for size in sizes[-349::7]}
    top = planted(tmp_path / "top", tree)
    quick = scan(vault, top, quick=True, workers=0)
    assert 2_000 <= quick.hashed_files < 4_000
    left = {path for path, row in rows_in_index(vault).items() if row[0] == EntryState.PENDING}
    assert len(left) == 6_100 - quick.hashed_files
    repeated = {os.path.getsize(path) for path in (top / "z").iterdir()}
    assert not repeated & {os.path.getsize(path) for path in left}
    assert groups_in_index(vault) == groups_on_disk(top)
    assert len(groups_in_index(vault)) == 50
    again = scan(vault, top, quick=True)
    assert (again.hashed_files, again.changes) == (0, ScanChanges())
    whole = scan(vault, top)
    assert (whole.hashed_files, whole.changes) == (6_100 - quick.hashed_files, ScanChanges())
    assert_as_new(vault, top)


def test_a_quick_scan_reads_files_of_common_sizes_at_once(tmp_path: Path, vault: Path) -> None:
    """To come back to each would cost more, whether they turn out to be copies or not."""
    tree: dict[str | bytes, Tree] = {
        f"{start}": {f"{at}": f"{at:06}" + "s" * (at % 90) for at in range(start, start + 200)}
        for start in range(0, 5_000, 200)
    }
    top = planted(tmp_path / "top", tree)
    assert scan(vault, top, quick=True, workers=0).hashed_files == 5_000
    assert scan(vault, top).hashed_files == 0
    assert_as_new(vault, top)


@given(
    st.lists(st.tuples(st.integers(0, 1_500), st.sampled_from([50, 1_000, 10**6])), max_size=12),
    st.randoms(use_true_random=False),
)
def test_sizes_repeat_while_one_in_two_was_met(
    batches: list[tuple[int, int]], chance: random.Random
) -> None:
    sizes, repeat = SizeSampler(), True
    seen: set[int] = set()
    lately: list[bool] = []
    for count, largest in batches:
        batch = [chance.randint(1, largest) for _ in range(count)]
        sizes.note(batch)
        for size in batch:
            lately.append(size in seen)
            seen.add(size)
        if len(lately) >= 2_000:
            repeat, lately = 2 * sum(lately) >= len(lately), []
        assert sizes.repeat is repeat
