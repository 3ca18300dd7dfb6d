"""What jobs about the trace have done: manifests, checks, scrolls, nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gorillacomb.api.paths import printable
from gorillacomb.api.server.jobs import Job
from gorillacomb.api.text import format_count, format_size
from gorillacomb.web.pages.jobs.outcome import Next, Outcome


def manifest(job: Job, doc: Mapping[str, Any]) -> Outcome:
    """Return what making a manifest did."""
    many = f"{format_count(doc['files'], 'file')}, {format_size(doc['bytes'])}"
    if doc["written"] is None:
        found = Outcome("No manifest was made.", "Not every file could be read.")
    else:
        signed = "It is not signed." if doc["key"] is None else f"Signed by your key {doc['key']}."
        found = Outcome(f"The manifest lists {many}.", signed)
    found.problem("Not in it", doc["left_out"])
    found.next = [Next("/manifests", "To the manifests")]
    return found


def trace(job: Job, doc: Mapping[str, Any]) -> Outcome:
    """Return what a check of the trace found."""
    many = format_count(doc["entries"], "entry", "entries")
    if doc["ok"]:
        found = Outcome(f"The trace is as it was signed: {many}.")
    else:
        found = Outcome("The trace is not as it was signed.", doc["reason"] or "")
    found.next = [Next("/integrity", "To integrity")]
    return found


def scroll(job: Job, doc: Mapping[str, Any]) -> Outcome:
    """Return what signing or revoking a scroll did."""
    if job.kind == "scroll-revoke":
        found = Outcome("The scroll is revoked.", f"Entry {doc['seq']:,} of the trace says so.")
    else:
        about = doc["statement"]
        head = f"The {about['kind']} about {printable(about['manifest']['name'])} is signed."
        found = Outcome(head, f"It is entry {doc['treaty_position']:,} of the trace.")
    found.next = [Next(f"/scrolls/{doc['scroll_id']}", "Show the scroll")]
    return found


def mesh_sync(job: Job, doc: Mapping[str, Any]) -> Outcome:
    """Return what a round of the nodes did."""
    entries = format_count(doc["size"], "entry", "entries")
    nodes = format_count(doc["cosigned"], "node has", "nodes have")
    found = Outcome(f"{nodes} signed the trace as it is now: {entries}.")
    if doc["fork"] is not None:
        found.headline = "The trace has forked."
        found.lead = "Two checkpoints that it signed contradict each other; both are kept."
    elif doc["quorum"] is not None:
        found.lead = f"That is {'' if doc['quorum'] else 'not '}enough for the policy."
    for each in doc["nodes"]:
        if each["reason"] is not None:
            found.facts.append(f"{each['node']}: {each['state']}, {each['reason']}.")
    found.next = [Next("/nodes", "To the nodes")]
    return found


def mesh_check(job: Job, doc: Mapping[str, Any]) -> Outcome:
    """Return what a comparison of what the nodes hold found."""
    bad = [each for each in doc["logs"] if each["state"] in ("forked", "unproven")]
    logs = format_count(len(doc["logs"]), "log")
    found = Outcome(f"What the nodes hold of {logs} is of one history each.")
    if bad:
        found.headline = f"{format_count(len(bad), 'log is', 'logs are')} not proven to be one."
    for each in doc["logs"]:
        if each["reason"] is not None:
            found.facts.append(f"{printable(each['origin'])}: {each['state']}, {each['reason']}.")
        for trouble in each["troubles"]:
            found.facts.append(f"{trouble['node']}: {trouble['cause']}")
    found.next = [Next("/nodes", "To the nodes")]
    return found
