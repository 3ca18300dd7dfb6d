"""Whatever is answered, some copy of each content stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import gorillacomb
from gorillacomb.api.dedupe.review import open_review
from gorillacomb.api.vault import find_vault
from gorillacomb.dedupe.model import PlanStep, RemovalPair
from gorillacomb.dedupe.review.answers import ReviewAnswer
from gorillacomb.dedupe.review.resolve import AnsweredSteps, answered_steps
from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import is_below, path_and_parents
from tests.dedupe.acting import contents
from tests.support.trees import make_tree, settle

DECIDE = st.sampled_from(
    [
        ReviewAnswer.YES,
        ReviewAnswer.YES,
        ReviewAnswer.SWAP,
        ReviewAnswer.NO,
        ReviewAnswer.KEEP,
        ReviewAnswer.INTENDED,
        ReviewAnswer.SKIP,
    ]
)


def file_step(number: int, path: str, keep: str) -> PlanStep:
    return PlanStep(f"s{number}", "file", path.encode(), keep.encode(), 1, 10)


def folder_step(number: int, path: str, keep: str, *nested: tuple[str, str]) -> PlanStep:
    pairs = tuple(RemovalPair(a.encode(), b.encode()) for a, b in nested)
    step = "folder", path.encode(), keep.encode(), 3, 30
    return PlanStep(f"s{number}", *step, nested=pairs)


def ids(found: AnsweredSteps) -> dict[str, tuple[str, str]]:
    return {it.id: (os.fsdecode(it.path), os.fsdecode(it.keep)) for it in found.steps}


def test_what_was_not_agreed_to_is_left_out() -> None:
    steps = [file_step(at, f"/d/copy/{at}", f"/d/kept/{at}") for at in range(6)]
    answers = dict(zip((step.id for step in steps), ReviewAnswer, strict=False))
    found = answered_steps(steps, answers)
    assert ids(found) == {
        "s0": ("/d/copy/0", "/d/kept/0"),
        "s1-swap": ("/d/kept/1", "/d/copy/1"),
    }
    assert not found.dropped


def test_others_rely_on_what_a_swap_keeps() -> None:
    steps = [file_step(at, f"/d/{name}", "/d/kept") for at, name in enumerate("abc")]
    answers = {"s0": ReviewAnswer.YES, "s1": ReviewAnswer.SWAP, "s2": ReviewAnswer.YES}
    assert ids(answered_steps(steps, answers)) == {
        "s0": ("/d/a", "/d/b"),
        "s1-swap": ("/d/kept", "/d/b"),
        "s2": ("/d/c", "/d/b"),
    }
    # The same copy cannot be removed for two others.
    found = answered_steps(steps, {**answers, "s2": ReviewAnswer.SWAP})
    assert ids(found).keys() == {"s0", "s1-swap"}
    assert found.dropped.keys() == {"s2"}


def test_a_swap_takes_nothing_out_of_what_is_kept_for_another() -> None:
    steps = [folder_step(0, "/d/copy", "/d/tree"), file_step(1, "/d/f", "/d/tree/f")]
    found = answered_steps(steps, {"s0": ReviewAnswer.YES, "s1": ReviewAnswer.SWAP})
    assert ids(found) == {"s0": ("/d/copy", "/d/tree")}
    assert "kept for /d/copy" in found.dropped["s1"].cause
    assert ids(answered_steps(steps, {"s1": ReviewAnswer.SWAP})) == {
        "s1-swap": ("/d/tree/f", "/d/f")
    }
    # Where the plan itself removes a part of it, that is foreseen.
    chain = [
        folder_step(0, "/d/copy", "/d/tree", ("/d/copy/f", "/d/f")),
        file_step(1, "/d/tree/f", "/d/f"),
    ]
    both = {"s0": ReviewAnswer.YES, "s1": ReviewAnswer.YES}
    assert len(answered_steps(chain, both).steps) == 2


def test_ids_stay_different() -> None:
    steps = [file_step(0, "/d/a", "/d/b"), file_step(1, "/d/x", "/d/y")]
    steps[1] = PlanStep("s0-swap", "file", b"/d/x", b"/d/y", 1, 10)
    found = answered_steps(steps, {"s0": ReviewAnswer.SWAP, "s0-swap": ReviewAnswer.YES})
    assert ids(found) == {"s0-swap-swap": ("/d/b", "/d/a"), "s0-swap": ("/d/x", "/d/y")}


PARTS = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
PAIRS = st.lists(st.tuples(PATHS, PATHS, st.booleans()), min_size=1, max_size=9)


@settings(max_examples=400, deadline=None)
@given(pairs=PAIRS, answers=st.lists(DECIDE, min_size=9, max_size=9))
def test_nothing_that_is_relied_on_leaves(
    pairs: list[tuple[str, str, bool]], answers: list[ReviewAnswer]
) -> None:
    """Even of a plan that was written by hand and makes no sense."""
    steps = [
        folder_step(at, path, keep) if is_folder else file_step(at, path, keep)
        for at, (path, keep, is_folder) in enumerate(pairs)
    ]
    found = answered_steps(steps, dict(zip((step.id for step in steps), answers, strict=False)))
    gone = [pair.path for step in found.steps for pair in step.pairs]
    for step in found.steps:
        assert not any(each in gone for keep in step.keeps for each in path_and_parents(keep))
        if step.id.endswith("-swap"):
            others = [other for other in found.steps if other is not step]
            assert not any(is_below(step.path, keep) for it in others for keep in it.keeps)
            assert not any(is_below(step.path, it.path) for it in others)
    assert len({step.id for step in found.steps}) == len(found.steps)
    assert {step.id.removesuffix("-swap") for step in found.steps}.isdisjoint(found.dropped)


NAMES = st.sampled_from(["f", "g", "f (1)", "h"])
FOLDERS = st.sampled_from(["a", "b", "b/in", "Copy of a", "Copy of b", "Copy of b/in", "c"])
FILES = st.dictionaries(st.tuples(FOLDERS, NAMES), st.integers(0, 4), min_size=4, max_size=20)
ACTS = st.lists(st.tuples(st.integers(0, 30), DECIDE, st.booleans()), max_size=12)


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each example takes a second
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(files=FILES, acts=ACTS, single=st.booleans())
@example(
    files={("a", "f"): 0, ("a", "g"): 0, ("a", "f (1)"): 0, ("b", "f"): 0},
    acts=[
        (0, ReviewAnswer.YES, False),
        (1, ReviewAnswer.INTENDED, False),
        (0, ReviewAnswer.YES, False),
    ],
    single=False,
)
@example(
    files={(folder, name): at for folder in ("a", "b", "c") for at, name in enumerate("fgh")},
    acts=[
        (0, ReviewAnswer.SWAP, False),
        (1, ReviewAnswer.SWAP, False),
        (1, ReviewAnswer.YES, False),
    ],
    single=False,
)
def test_no_content_is_lost_whatever_is_answered(
    files: Mapping[tuple[str, str], int],
    acts: list[tuple[int, ReviewAnswer, bool]],
    single: bool,
) -> None:
    """A real drive, a real review, a real run; and the answers are all that is done."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder, "drive")
        make_tree(top, {})
        for (inner, name), content in files.items():
            (top / inner).mkdir(parents=True, exist_ok=True)
            (top / inner / name).write_bytes(b"%d" % content * 5000)
        settle(top)
        before = set(contents(top))
        plan_file = Path(folder, "plan.jsonl")
        with gorillacomb.open_vault(Path(folder, "vault")) as vault:
            vault.scan(top)
            vault.plan().save(plan_file)
            opened = open_review(find_vault(Path(folder, "vault")), plan_file, single=single)
            with opened as review:
                for number, answer, takes_back in acts if review.units else ():
                    with suppress(UsageError):
                        review.give([review.units[number % len(review.units)]], answer)
                    if takes_back:
                        review.undo()
                counts = review.counts
            done = vault.apply(plan_file, dry_run=False)
        assert set(contents(top, ours=False)) == before
        if Path(folder, "plan.answers.jsonl").exists():
            assert (len(done.done), done.skipped) == (counts.yes + counts.swapped, ())
