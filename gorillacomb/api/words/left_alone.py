"""Say in plain words why copies are left alone."""

from __future__ import annotations

from gorillacomb.api.dedupe.plan import SafetyRule

REASONS = {
    SafetyRule.UNIQUE: "copies of folders that have files of their own",
    SafetyRule.PROJECT: "inside projects, which stay whole",
    SafetyRule.STRUCTURAL: "needed where they are by the project around them",
    SafetyRule.REPOSITORY: "inside repositories",
    SafetyRule.BUNDLE: "inside bundles, libraries and stores",
    SafetyRule.PROTECTED: "in folders that you protect",
    SafetyRule.MARKED: "you marked them, or what is in them",
    SafetyRule.OTHER_VOLUME: "have their copy on another drive, as a backup",
    SafetyRule.OFFLINE: "have their copy on a drive that is not connected",
    SafetyRule.PLACEHOLDER: "in folders that are partly only in the cloud",
    SafetyRule.UNSTABLE: "in folders in which something was changing",
    SafetyRule.INCOMPLETE: "in folders that were not read completely",
    SafetyRule.LINKED: "other files refer to them by their path",
    SafetyRule.SIDECAR: "belong to other files beside them, which would stay",
    SafetyRule.NAME: "need their names, and the copy has another one",
    SafetyRule.ALBUM: "in albums that would be left with gaps",
    SafetyRule.POINTER: "only point to something in the cloud",
    SafetyRule.TRASH: "in a trash, cache or snapshot, or their copy is",
    SafetyRule.OWN: "scanned folders, homes or Gorilla Comb's own",
    SafetyRule.ATTRIBUTES: "have other attributes or permissions than their copy",
    SafetyRule.LOCKED: "cannot be moved: no permission, or immutable",
    SafetyRule.UNSUPPORTED: "their drive does not support this action",
    SafetyRule.ONE_COPY: "the same data on disk as their copy: nothing to gain",
}
"""Why copies are left alone, in words that follow "12 files: "."""


def reason(rule: SafetyRule | None) -> str:
    """Return the words for a rule; None means that no rule forbids the removal."""
    return "kept for copies that are removed" if rule is None else REASONS[rule]
