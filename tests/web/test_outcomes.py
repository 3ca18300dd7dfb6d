"""What the page of a job says in the end, for jobs that the pages rarely see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.server.jobs import Job, JobState
from gorillacomb.web.pages.jobs.names import label_of, name_of
from gorillacomb.web.pages.jobs.outcomes import outcome_of


def job(kind: str, code: int | None = 0, error: str = "", state: JobState = JobState.DONE) -> Job:
    return Job("x", kind, {}, state, 1, 2, code, error, None, Path("/nowhere"))


SCRUBBED = {
    "files": 5,
    "bytes": 2_000_000,
    "due": 7,
    "damaged": [{"path": "/a", "state": "damaged"}],
    "suspect": [],
    "unreadable": [{"path_b64": "L2H/", "cause": "no"}],
}
VERIFIED: dict[str, Any] = {
    "ok": 3,
    "signature_cause": "it is not signed",
    "extra": [{"path": "e"}],
    **{kind: [] for kind in ("changed", "damaged", "suspect", "missing", "unreadable")},
}
APPLIED: dict[str, Any] = {
    "run": "r1",
    "done": 2,
    "files": 9,
    "done_before": 0,
    "bytes_set_aside": 0,
    "bytes_freed": None,
    "bytes_freed_at_least": 4_000,
    "unknown_use_files": 1,
    "emptied_folders": 2,
    "skipped": [{"path": "/s", "cause": "changed"}],
    "failed": [],
    "recovered": [],
}


def test_a_check_for_damage() -> None:
    found = outcome_of(job("scrub"), SCRUBBED, None)
    assert found.headline == "1 file may be damaged."
    assert "2 files are still due." in found.facts
    assert [title for title, _ in found.problems] == ["Damaged", "Not read"]
    clean = outcome_of(job("scrub"), {**SCRUBBED, "damaged": []}, None)
    assert clean.headline == "No damage was found."


def test_a_check_of_a_manifest() -> None:
    good = outcome_of(job("verify"), VERIFIED, None)
    assert good.headline == "All 3 entries are as the manifest says."
    assert good.facts == ["1 file is not in the manifest."]
    bad = outcome_of(job("verify", 1), {**VERIFIED, "missing": [{"path": "m"}]}, None)
    assert bad.headline == "1 entry differs from the manifest."
    assert bad.problems == [("Missing", [{"cause": "missing", "path": "m"}])]


def test_blocks_that_are_shared() -> None:
    found = outcome_of(job("apply", 3), APPLIED, None)
    assert found.headline == "9 files share blocks with their copies now."
    assert "4.0 kB are free." in found.facts
    assert "2 folders contained nothing else, and left with them." in found.facts
    assert found.problems == [("Skipped, because something is not as planned", APPLIED["skipped"])]
    assert found.next[0].path == "/runs/r1"


def test_nothing_was_moved() -> None:
    found = outcome_of(job("apply"), {**APPLIED, "done": 0, "files": 0, "done_before": 2}, None)
    assert found.headline == "Nothing was moved." and "2 steps were done before." in found.facts


def test_what_a_command_said_when_it_refused() -> None:
    error = "gorillacomb: warning: slow\ngorillacomb: No such run.\nTry another.\nOr none."
    found = outcome_of(job("undo", 2, error), None, None)
    assert (found.headline, found.lead) == ("No such run.", "Try another. Or none.")
    assert found.facts == ["slow"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (JobState.CANCELLED, "The scan was cancelled."),
        (JobState.DIED, "The scan ended before it was through."),
        (JobState.DONE, "The scan failed: Refused for safety."),
    ],
)
def test_without_a_result(state: JobState, words: str) -> None:
    assert outcome_of(job("scan", 5, state=state), None, None).headline == words


def test_what_a_cancelled_scan_has_kept() -> None:
    error = "gorillacomb: Interrupted."
    found = outcome_of(job("scan", 130, error, state=JobState.CANCELLED), None, None)
    assert found.headline == "The scan was cancelled."
    assert found.lead == "What was done so far is kept. The next scan goes on from there."
    late = "gorillacomb: Interrupted. Of 3 files seen, what was read is kept.\nRun it again."
    half = outcome_of(job("scan", 130, late, JobState.CANCELLED), None, None)
    assert half.lead == (
        "Of 3 files seen, what was read is kept. The next scan goes on from there."
    )
    early = outcome_of(job("scan", None, "Fatal Python error", JobState.CANCELLED), None, None)
    assert early.lead == found.lead
    other = outcome_of(job("scrub", 130, error, state=JobState.CANCELLED), None, None)
    assert other.lead == "What was done so far is kept."
    more = outcome_of(job("apply", 130, f"{error[:-1]}: x.", JobState.CANCELLED), None, None)
    assert more.lead == "Interrupted: x."


def test_a_purge_that_keeps_what_is_kept_nowhere_else() -> None:
    document = {**APPLIED, "bytes_freed": 7, "unique_files": 2, "unique_by_run": {"r1": 2}}
    found = outcome_of(job("purge", 3), document, None)
    assert found.headline == "9 files are deleted; 7 B are free."
    assert any("--including-unique 2" in each for each in found.facts)


def test_names() -> None:
    assert (name_of(job("scan")), label_of(job("scan"))) == ("The scan", "Scan")
    assert label_of(job("mark-keep")) == "Marking"
    assert name_of(job("something")) == "The something"
    ended = outcome_of(job("something"), {}, None)
    assert ended.headline == "The answer is there."
    cancelled = outcome_of(job("scrub", 130, state=JobState.CANCELLED), SCRUBBED, None)
    assert "It was cancelled before it was through." in cancelled.facts


DROPPED: dict[str, Any] = {
    "have": {"files": 2, "bytes": 9},
    "left_out": [{"path": "link", "cause": "is a link"}],
    "kept": {
        "run": "r7",
        "folder": {"path": "/d/Omnidrop/2026"},
        "files": 1,
        "bytes": 5,
        "failed": [],
        "recovered": [],
    },
}


def test_what_was_kept_of_a_drop() -> None:
    found = outcome_of(job("drop"), DROPPED, None)
    assert found.headline == "1 new file, 5 B, is kept." and found.lead == "In /d/Omnidrop/2026."
    assert found.facts == [
        "2 files were there already.",
    ]
    assert ("/runs/r7", "Show the run, or remove them again") in found.next
    assert not any("terminal" in each for each in (found.lead, *found.facts))
    assert [title for title, _ in found.problems] == ["Not kept"]
    none = outcome_of(job("drop"), {**DROPPED, "kept": None}, None)
    assert none.headline == "Nothing was kept."


def test_a_manifest_that_was_made() -> None:
    made = {"files": 2, "bytes": 9, "written": {"path": "/m"}, "key": "ab", "left_out": []}
    found = outcome_of(job("manifest"), made, None)
    assert (found.headline, found.lead) == (
        "The manifest lists 2 files, 9 B.",
        "Signed by your key ab.",
    )
    none = outcome_of(job("manifest", 3), {**made, "written": None}, None)
    assert none.headline == "No manifest was made."


def test_the_trace_and_places() -> None:
    sound = outcome_of(job("trace-verify"), {"ok": True, "entries": 7}, None)
    assert sound.headline == "The trace is as it was signed: 7 entries."
    bad = outcome_of(job("trace-verify", 1), {"ok": False, "entries": 7, "reason": "why"}, None)
    assert (bad.headline, bad.lead) == ("The trace is not as it was signed.", "why")
    named = outcome_of(job("root-name"), {"path": "/d", "name": "Old"}, None)
    assert named.headline == "/d is called Old now."
    forgotten = outcome_of(job("root-forget"), {"forgotten": {"path": "/d"}}, None)
    assert forgotten.headline == "/d is forgotten. Its files are untouched."
