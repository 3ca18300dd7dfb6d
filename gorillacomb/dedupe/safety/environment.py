"""Build a plan's safety policy from options, settings, links and users' home folders."""

from __future__ import annotations

import os
import pwd
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gorillacomb.classify.companions import companion_table
from gorillacomb.dedupe.model import PlanOptions
from gorillacomb.dedupe.safety.git import is_tracked
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.dedupe.safety.references import text_references
from gorillacomb.dedupe.safety.symlinks import symlink_targets
from gorillacomb.fs.mounts import mounts
from gorillacomb.fs.volumes import is_there
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.marks.rules import NO_MARKS, MarkRules
from gorillacomb.vault.settings import Settings
from gorillacomb.vault.vault import config_folder, state_folder

_FIRST_PERSON = 500 if sys.platform == "darwin" else 1000
"""The lowest user id of a person (login.defs(5)); lower ones are the system's."""


def safety_policy_for(
    index: Index,
    options: PlanOptions,
    settings: Settings,
    noise: frozenset[bytes],
    marks: MarkRules = NO_MARKS,
) -> SafetyPolicy:
    """Return the rules, with this machine's homes, mount points, vault and links.

    What the settings protect now is protected too, whatever they were when the plan was made.
    ``noise`` are names of files that do not count as copies.
    """
    protect = dict.fromkeys((*options.protect, *settings.protect))
    options = replace(options, protect=tuple(protect))
    roots = all_roots(index.connection)
    homes = _homes()
    ours = (index.vault.folder, config_folder(), state_folder())
    own = [os.path.realpath(bytes(each)) for each in ours]
    fixed = {*(root.path for root in roots), *homes, *own, *(each.point for each in mounts())}
    online = {root.id: root for root in roots if is_there(root)}
    links = sorted([*symlink_targets(index, online), *text_references(index, online)])
    return SafetyPolicy(
        options,
        sorted(fixed),
        own,
        is_tracked,
        machine_made=settings.machine_names,
        homes=homes,
        links=links,
        companions=companion_table(settings.companions),
        marks=marks,
        noise=noise,
    )


def _homes() -> frozenset[bytes]:
    """Return the home folders of people: that of a service may well be the project that it runs."""
    found = {os.fsencode(each.pw_dir) for each in pwd.getpwall() if each.pw_uid >= _FIRST_PERSON}
    with suppress(RuntimeError):  # of a user that the system does not know
        found.add(os.fsencode(Path.home()))
    return frozenset(os.path.realpath(each) for each in found)
