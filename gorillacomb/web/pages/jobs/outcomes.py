"""What a job has done, in words: the headline, what else there is to know, and where to look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gorillacomb.api.paths import path_from_json, printable_path
from gorillacomb.api.server.jobs import Job, JobState
from gorillacomb.api.text import format_count, format_size
from gorillacomb.web.pages.jobs import record_outcomes as record
from gorillacomb.web.pages.jobs.names import name_of
from gorillacomb.web.pages.jobs.outcome import Next, Outcome

_SAID = "gorillacomb: "
_WARNING = "gorillacomb: warning: "
_INTERRUPTED = "Interrupted."
"""What a command says that has nothing more to say of it."""
_KEPT_SO_FAR = "What was done so far is kept."
_ON_AGAIN = "The next scan goes on from there."
_COMPARED = (
    "file or link was compared when it left",
    "files and links were compared when they left",
)


def outcome_of(job: Job, result: Any, plan: str | None) -> Outcome:
    """Return what a job that has ended did; ``plan`` is the name of the plan that it made."""
    message, hint, warnings = _said(job.error)
    if not isinstance(result, dict) and plan is None:
        found = _without_result(job, message, hint)
    else:
        tell = _TELL.get(job.kind, _marks if job.kind.startswith("mark-") else _answered)
        found = tell(job, result if isinstance(result, dict) else {})
        if job.state is JobState.CANCELLED:
            found.facts.append("It was cancelled before it was through.")
    found.facts += warnings
    if not found.next and job.options.get("run"):
        found.next = _to_run(str(job.options["run"]))
    if plan is not None:
        found.next.insert(0, Next(f"/plans/{plan}", "Look through the plan"))
    return found


def _said(error: str) -> tuple[str, str, list[str]]:
    """Return what a command said when it failed, what to try, and its warnings."""
    lines = error.splitlines()
    warnings = [line.removeprefix(_WARNING) for line in lines if line.startswith(_WARNING)]
    rest = [line for line in lines if not line.startswith(_WARNING)]
    starts = [at for at, line in enumerate(rest) if line.startswith(_SAID)]
    if starts:
        rest = rest[starts[-1] :]
    message = rest[0].removeprefix(_SAID) if rest else ""
    return message, " ".join(rest[1:]), warnings


def _without_result(job: Job, message: str, hint: str) -> Outcome:
    name = name_of(job)
    if job.state is JobState.CANCELLED:
        # Ended while it started, it says nothing of its own.
        told = message if _SAID in job.error and message != _INTERRUPTED else _KEPT_SO_FAR
        again = _ON_AGAIN if job.kind == "scan" else ""
        lead = f"{told.removeprefix(_INTERRUPTED).strip()} {again}"
        return Outcome(f"{name} was cancelled.", lead.strip())
    if job.state is JobState.DIED:
        again = "What was done so far is kept. Start it again: it goes on from there."
        return Outcome(f"{name} ended before it was through.", f"{message} {again}".strip())
    if job.exit_code == 0:
        return Outcome(f"{name} is done.")
    meaning = (job.meaning or "it ended without saying why").capitalize()
    return Outcome(message or f"{name} failed: {meaning}.", hint)


def _scan(job: Job, doc: Mapping[str, Any]) -> Outcome:
    many = format_count(doc["files"], "file")
    found = Outcome(
        f"{many}, {format_size(doc['bytes'])}, are known now.",
        f"{format_count(doc['hashed_files'], 'file')} had to be read,"
        f" {format_size(doc['hashed_bytes'])}, in {doc['seconds']:,.0f} s.",
    )
    for key in ("new", "changed", "moved", "gone"):
        found.add(doc[key], f"file or link is {key}", f"files and links are {key}")
    found.problem("Damaged", [{**it, "cause": it["state"]} for it in doc["damaged"]])
    found.problem("Not read", [*doc["unreadable"], *doc["unstable"], *doc["not_listed"]])
    for each in doc["absent"]:
        found.facts.append(f"{each.get('name') or _path(each)} is not connected.")
    found.next = [Next("/", "To the overview"), Next("/families", "See what is there twice")]
    return found


def _scrub(job: Job, doc: Mapping[str, Any]) -> Outcome:
    read = f"{format_count(doc['files'], 'file')} were read again, {format_size(doc['bytes'])}."
    bad = len(doc["damaged"]) + len(doc["suspect"])
    head = f"{format_count(bad, 'file')} may be damaged." if bad else "No damage was found."
    found = Outcome(head, read, next=[Next("/integrity", "To integrity")])
    found.add(doc["due"] - doc["files"], "file is still due", "files are still due")
    for key in ("damaged", "suspect"):
        found.problem(key.capitalize(), [{**it, "cause": it["state"]} for it in doc[key]])
    found.problem("Not read", doc["unreadable"])
    return found


def _verify(job: Job, doc: Mapping[str, Any]) -> Outcome:
    kinds = ("changed", "damaged", "suspect", "missing", "unreadable")
    bad = sum(len(doc[kind]) for kind in kinds)
    differ = "differs" if bad == 1 else "differ"
    head = f"{format_count(bad, 'entry', 'entries')} {differ} from the manifest."
    if not bad:
        head = f"All {format_count(doc['ok'], 'entry', 'entries')} are as the manifest says."
    found = Outcome(head, f"Signature: {doc['signature_cause']}", next=[_manifests()])
    found.add(doc["ok"] if bad else 0, "entry is as recorded", "entries are as recorded")
    found.add(len(doc["extra"]), "file is not in the manifest", "files are not in the manifest")
    for kind in kinds:
        found.problem(kind.capitalize(), [{"cause": kind, **it} for it in doc[kind]])
    return found


def _manifests() -> Next:
    return Next("/manifests", "To the manifests")


def _plan(job: Job, doc: Mapping[str, Any]) -> Outcome:
    size = int(doc.get("bytes_set_aside", 0)) + int(
        doc.get("bytes_freed_at_least") or doc.get("bytes_freed") or 0
    )
    steps = int(doc.get("steps", 0))
    if not steps:
        found = Outcome("Nothing can leave by that plan.", "It says what stays, and why.")
    else:
        many = format_count(steps, "step")
        found = Outcome(f"A plan of {many} is ready: {format_size(size)}.", "Nothing was changed.")
    found.facts += doc.get("warnings", [])
    return found


def _apply(job: Job, doc: Mapping[str, Any]) -> Outcome:
    files, done = doc["files"], doc["done"]
    aside = doc["bytes_set_aside"]
    freed = doc["bytes_freed"] if doc["bytes_freed"] is not None else doc["bytes_freed_at_least"]
    many = format_count(files, "file")
    if not done:
        found = Outcome("Nothing was moved.", "Why is said below; nothing is lost.")
        found.add(doc["done_before"], "step was done before", "steps were done before")
    elif not files:
        found = Outcome(f"{format_count(done, 'empty folder')} left for the quarantine.")
    elif aside:
        is_one = "is" if files == 1 else "are"
        found = Outcome(
            f"{many}, {format_size(aside)}, {is_one} in the quarantine now.",
            "Everything can be put back. Room is free once the quarantine is emptied.",
        )
    else:
        found = Outcome(f"{many} share blocks with their copies now.", "No file was moved.")
    if freed:
        found.facts.append(f"{format_size(freed)} are free.")
    copied = sum(each["files"] for each in doc.get("copied", ()))
    found.add(copied, "file was copied first", "files were copied first")
    proven = sum(doc.get("proven_files", {}).values())
    found.add(proven, *_COMPARED)
    emptied = "contained nothing else, and left with them"
    found.add(doc["emptied_folders"], f"folder {emptied}", f"folders {emptied}")
    in_use = "may be open in a program: this is unknown"
    found.add(doc["unknown_use_files"], f"file {in_use}", f"files {in_use}")
    found.problem("Skipped, because something is not as planned", doc["skipped"])
    found.problem("Failed", doc["failed"])
    found.problem("Empty now, and left in place", doc.get("left_empty", ()))
    found.problem("From a run that was interrupted", doc["recovered"])
    found.next = _to_run(doc["run"])
    return found


def _undo(job: Job, doc: Mapping[str, Any]) -> Outcome:
    files = doc["files"]
    many = format_count(files, "file")
    if files:
        verb = "is back where it was" if files == 1 else "are back where they were"
        found = Outcome(f"{many} {verb}.")
    elif doc.get("dropped"):
        dropped = len(doc["dropped"])
        verb = "is" if dropped == 1 else "are"
        found = Outcome(f"{format_count(dropped, 'dropped file')} {verb} removed again.")
    elif doc["done"]:
        found = Outcome(
            f"{format_count(doc['done'], 'folder or link', 'folders or links')} came back."
        )
    else:
        found = Outcome("Nothing was put back.")
    left = doc.get("left_files", 0)
    where = "still in the quarantine of that run"
    found.add(left, f"file is {where}", f"files are {where}")
    removed = sum(each["files"] for each in doc.get("copied", ()))
    again = "on shelves and in kept trees removed again"
    found.add(removed, f"file {again}", f"files {again}")
    blocked = doc.get("blocked", ())
    if blocked:
        found.lead = "Something else is there now. Move or rename it, then put back again."
    taken = {_path(each) for each in blocked}
    found.problem(
        "Something else is in the way",
        [{**it, "cause": f"there now: {_path(it['in_the_way'])}"} for it in blocked],
    )
    found.problem("Not put back", [it for it in doc["failed"] if _path(it) not in taken])
    found.problem("Skipped", doc["skipped"])
    found.problem("From a run that was interrupted", doc["recovered"])
    found.next = _to_run(doc["run"])
    return found


def _purge(job: Job, doc: Mapping[str, Any]) -> Outcome:
    freed = doc["bytes_freed"] if doc["bytes_freed"] is not None else doc["bytes_freed_at_least"]
    many = format_count(doc["files"], "file")
    if doc["done"]:
        verb = "is" if doc["files"] == 1 else "are"
        found = Outcome(f"{many} {verb} deleted; {format_size(freed)} are free.")
    else:
        found = Outcome("Nothing was deleted.")
    unique = doc.get("unique_files", 0)
    nowhere = "kept nowhere else, and not deleted"
    found.add(unique, f"file is {nowhere}", f"files are {nowhere}")
    for run, number in doc.get("unique_by_run", {}).items():
        command = f"gorillacomb dedupe --empty-quarantine {run} --including-unique {number}"
        found.facts.append(f"To delete them, too, on a terminal: {command}")
    found.problem("Kept in the quarantine", doc["skipped"])
    found.problem("Not deleted", doc["failed"])
    found.problem("From a run that was interrupted", doc["recovered"])
    found.next = [Next("/quarantine", "To the quarantine"), Next("/runs", "To the runs")]
    return found


def _marks(job: Job, doc: Mapping[str, Any]) -> Outcome:
    marked, cleared = len(doc.get("marked", ())), len(doc.get("cleared", ()))
    head = f"{format_count(marked, 'path')} marked." if marked else ""
    if cleared and not marked:
        head = f"{format_count(cleared, 'mark')} cleared."
    return Outcome(head or "No mark was changed.", next=[Next("/marks", "To the marks")])


def _drop(job: Job, doc: Mapping[str, Any]) -> Outcome:
    kept = doc["kept"]
    if kept is None or not kept["files"]:
        found = Outcome(
            "Nothing was kept.", "All of it is there already, or why not is said below."
        )
    else:
        verb = "is" if kept["files"] == 1 else "are"
        many = f"{format_count(kept['files'], 'new file')}, {format_size(kept['bytes'])},"
        found = Outcome(f"{many} {verb} kept.", f"In {_path(kept['folder'])}.")
    found.add(doc["have"]["files"], "file was there already", "files were there already")
    found.problem("Not kept", [*doc["left_out"], *(() if kept is None else kept["failed"])])
    found.problem("From a run that was interrupted", () if kept is None else kept["recovered"])
    found.next = [Next("/drop", "Drop something else")]
    if kept is not None and kept["run"]:
        found.next.append(Next(f"/runs/{kept['run']}", "Show the run, or remove them again"))
    return found


def _place(job: Job, doc: Mapping[str, Any]) -> Outcome:
    if job.kind == "root-forget":
        head = f"{_path(doc['forgotten'])} is forgotten. Its files are untouched."
    elif doc["name"] is None:
        head = f"{_path(doc)} has no name now."
    else:
        head = f"{_path(doc)} is called {doc['name']} now."
    return Outcome(head, next=[Next("/settings", "To the settings")])


def _answered(job: Job, doc: Mapping[str, Any]) -> Outcome:
    found = Outcome("The answer is there.")
    pages = {"overview": "/", "folders": "/families", "map": "/map"}
    if job.kind in pages:
        found.next = [Next(pages[job.kind], "Show it")]
    return found


def _to_run(run: str | None) -> list[Next]:
    return [Next(f"/runs/{run}", "Show the run")] if run else [Next("/runs", "To the runs")]


def _path(document: Mapping[str, Any]) -> str:
    return printable_path(path_from_json(document))


_TELL: Mapping[str, Callable[[Job, Mapping[str, Any]], Outcome]] = {
    "scan": _scan,
    "scrub": _scrub,
    "verify": _verify,
    "plan": _plan,
    "apply": _apply,
    "undo": _undo,
    "purge": _purge,
    "drop": _drop,
    "manifest": record.manifest,
    "trace-verify": record.trace,
    "scroll": record.scroll,
    "scroll-revoke": record.scroll,
    "mesh-sync": record.mesh_sync,
    "mesh-check": record.mesh_check,
    "root-name": _place,
    "root-forget": _place,
}
