"""Which empty folders are left alone: those that something needs although nothing is in them.

The rules look at one folder; a folder is removed only if they allow it for each one in it, too.
"""

from __future__ import annotations

import os

from gorillacomb.classify.names import is_machine_made, is_version_control
from gorillacomb.classify.stores import is_opaque
from gorillacomb.dedupe.model import Refusal, SafetyRule
from gorillacomb.dedupe.safety.context import PathContext
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.fs.paths import path_text


def empty_folder_refusal(policy: SafetyPolicy, site: PathContext) -> Refusal | None:
    """Return why an empty folder may not be removed; None if it may."""
    refusal = policy.refusal_for(site, None)
    if refusal is not None:
        return refusal
    homes = policy.homes
    if site.path in homes or os.path.dirname(site.path) in homes:
        return Refusal(SafetyRule.OWN, "is one of the folders of a home")
    for level in site.levels:
        name = path_text(level.name)
        if level.marker is not None:
            return Refusal(SafetyRule.PROJECT, f"project ({level.marker})")
        if is_version_control(level.name):
            return Refusal(SafetyRule.REPOSITORY, f"belongs to {name}")
        if level.store or is_opaque(level.name):
            return Refusal(SafetyRule.BUNDLE, f"{name} belongs to a program, which may need it")
        if is_machine_made(level.name, False, policy.machine_made):
            return Refusal(SafetyRule.STRUCTURAL, f"programs make {name}")
        if level.name.startswith(b"."):
            return Refusal(SafetyRule.STRUCTURAL, f"{name} is hidden: programs may need it")
    return None
