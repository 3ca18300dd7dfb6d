"""The user's rules as they are written: what each is, and what is refused, with the nearest one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.vault.keep_rules import ARGUMENTS, MEASURES, KeepRule, parse_keep_rules
from gorillacomb.vault.settings import Settings, load_settings


def parse(text: str) -> KeepRule:
    [rule] = parse_keep_rules([text])
    return rule


def test_each_rule_is_read(own_home: Path) -> None:
    (own_home / "Photos").mkdir()
    (own_home / "link").symlink_to("Photos")
    assert parse("newest") == KeepRule("newest", "newest")
    assert parse("not  numbered") == KeepRule("not  numbered", "numbered", True)
    assert parse("on My  Drive").arguments == ("My  Drive",)
    assert parse("name-regex a b|c").arguments == ("a b|c",)
    assert parse("in ~/link").arguments == (f"{own_home}/link", f"{own_home}/Photos")
    assert parse("not in */Originals/*").arguments == ("*/Originals/*",)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("newst", "did you mean 'newest'"),
        ("longest path", "did you mean 'longest-path'"),
        ("On Archive", "did you mean 'on DRIVE'"),
        ("inn /x", "did you mean 'in PATH'"),
        ("prefers", "did you mean 'prefer'"),
        ("not newest", "name the opposite rule"),
        ("in", "write 'in PATH'"),
        ("qqqqqq", "there are in PATH, on DRIVE"),
        ("", "there are in PATH"),
        ("in Photos", "needs an absolute path"),
        ("name-regex (", "not a regular expression"),
        ("newest now", "did you mean 'newest'"),
    ],
)
def test_an_unknown_rule_names_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="rules: ") as caught:
        parse(text)
    assert hint in str(caught.value)


def test_a_rule_is_there_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_keep_rules(["newest", " newest "])


@given(st.text(max_size=12))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse(text)
    except ValueError as error:
        assert str(error).startswith("rules: ")
    else:
        assert rule.name in {*ARGUMENTS, *MEASURES, "prefer", "plain-name"}


def test_the_choice_is_known_by_its_text() -> None:
    texts = [
        Settings().choice,
        Settings(prefer=("/a",)).choice,
        Settings(rules=parse_keep_rules(["newest"])).choice,
        Settings(rules=parse_keep_rules(["newest", "oldest"])).choice,
        Settings(rules=parse_keep_rules(["oldest", "newest"])).choice,
    ]
    assert texts[0] == "" and len(set(texts)) == len(texts)


def test_they_are_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('rules = ["newest", "on Archive"]\n')
    assert [rule.text for rule in load_settings(tmp_path).rules] == ["newest", "on Archive"]
