"""The table of other programs' rules: each setting in it can be written, and does what it says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import gorillacomb
from tests.docs.example import pages
from tests.support.trees import Tree, make_tree

TEXT = "a text that is long enough to be found under any name, in any place\n"
TREE: Tree = {
    "A": {"deep": {"down": {"m1.txt": TEXT}}},
    "B": {"longest-name.txt": TEXT},
    "C": {"n.jpg": TEXT},
    "D": {"a quite long folder name": {"k.txt": TEXT}},
    "z1.txt": TEXT,
}
AGES = {
    "A/deep/down/m1.txt": 500,
    "B/longest-name.txt": 400,
    "C/n.jpg": 300,
    "D/a quite long folder name/k.txt": 100,
    "z1.txt": 200,
}
"""Seconds since they were modified."""
EFFECTS = {
    "oldest": "A/deep/down/m1.txt",
    "newest": "D/a quite long folder name/k.txt",
    "first-name": "D/a quite long folder name/k.txt",
    "last-name": "z1.txt",
    "in A, in B": "A/deep/down/m1.txt",
    "in B, in A": "B/longest-name.txt",
    "in A": "A/deep/down/m1.txt",
    "shallowest": "z1.txt",
    "deepest": "A/deep/down/m1.txt",
    "shortest-name": "C/n.jpg",
    "longest-name": "B/longest-name.txt",
    "shortest-path": "z1.txt",
    "longest-path": "D/a quite long folder name/k.txt",
    "first-path": "A/deep/down/m1.txt",
    "last-path": "z1.txt",
    "path-regex REGEX": "D/a quite long folder name/k.txt",
    "not path-regex REGEX": "z1.txt",
    "name-regex REGEX": "B/longest-name.txt",
    "not name-regex REGEX": "C/n.jpg",
    "name GLOB": "D/a quite long folder name/k.txt",
    "not name GLOB": "C/n.jpg",
    "in GLOB": "D/a quite long folder name/k.txt",
    "not in GLOB": "z1.txt",
    "numbered": "z1.txt",
    "not numbered": "B/longest-name.txt",
    "name *.jpg": "C/n.jpg",
}
"""What each setting of the table keeps of that tree."""
WORDS = {
    "path-regex REGEX": "path-regex /D/",
    "not path-regex REGEX": "not path-regex /[A-D]/",
    "name-regex REGEX": "name-regex ^long",
    "not name-regex REGEX": r"not name-regex \.txt$",
    "name GLOB": "name k*",
    "not name GLOB": "not name *.txt",
    "in GLOB": "in */*quite*/*",
    "not in GLOB": "not in */[A-D]/*",
}


def settings_in_the_table() -> set[str]:
    table = pages()["rules.md"].partition("## As other programs say it")[2]
    rows = re.findall(r"^\| (\w[^|]*) \| ([^|]+) \| (.*) \|$", table, re.MULTILINE)
    programs = {"rmlint", "fclones", "czkawka", "jdupes", "dupeGuru"}
    assert {row[0].split(",")[0] for row in rows} == {"Program", *programs}
    return {row[2].replace("`", "") for row in rows} - {"In rules"}


def test_each_setting_of_the_table_is_tried() -> None:
    assert settings_in_the_table() == set(EFFECTS)


@pytest.mark.parametrize("setting", EFFECTS)
def test_a_setting_of_the_table_does_what_it_says(
    setting: str, own_home: Path, tmp_path: Path, vault: Path
) -> None:
    """In what is told of the copies, in the stamp, and in the plan."""
    top = make_tree(tmp_path / "top", TREE)
    for name, age in AGES.items():
        os.utime(top / name, ns=(10**18 - age * 10**9,) * 2)
    rules = [WORDS.get(rule, rule) for rule in setting.split(", ")]
    rules = [re.sub(r"^in (\w)$", rf"in {top}/\1", rule) for rule in rules]
    config = own_home / ".config/gorillacomb/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"rules = {rules!r}\n".replace("\\\\", "\\"))
    kept = os.fsencode(top / EFFECTS[setting])
    with gorillacomb.open_vault(vault) as opened:
        opened.scan([top], workers=0)
        [group] = opened.duplicates()
        assert group.canonical.path == kept, group.reasons
        assert f"by your rule '{rules[0]}'" in group.reasons
        steps = opened.plan().steps
        assert {step.keep for step in steps} == {kept}
        assert len(steps) == len(AGES) - 1
        found = opened.explain(top / EFFECTS[setting], rules=True)
        assert isinstance(found, gorillacomb.ExplainedFile)
        assert found.is_canonical
        own = [effect for effect in found.rules or () if effect.is_own]
        assert [effect.name for effect in own] == rules
        assert own[0].dropped
        [stamp] = [each for each in found.fate.entries if each["event"] == "stamp"]
        assert stamp["reasons"] == list(group.reasons)
