"""Every command, option, exit code, JSON key, setting and environment variable is in a topic."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, is_typeddict

import click
import pytest

from fixtures.compat import fixtures
from gorillacomb.api.documents import DOCUMENTS
from gorillacomb.api.export import FORMATS
from gorillacomb.api.upkeep.topics import find_topic, read_topic, topic_names
from gorillacomb.cli.main import COMMANDS, cli
from gorillacomb.cli.output.reference import all_commands
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.errors import ExitCode
from gorillacomb.vault.settings import Settings
from gorillacomb.watch.triggers import TriggerEvent
from tests.architecture.layers import sources
from tests.compat.test_goes_on import LATER
from tests.docs.example import DOCS, DRIVE, README, pages
from tests.support.documents import definition, keys_of
from tests.support.run import REPOSITORY, run
from tests.support.trees import make_tree

TOPICS = {name: read_topic(name).text for name in topic_names()}
TEXT = "\n".join(TOPICS.values())
EVERYWHERE = {"--help", "--no-progress"}
"""Options that need no topic."""
VARIABLES = re.compile(
    r"\b_?GORILLACOMB_[A-Z]+\b|\bXDG_[A-Z]+_HOME\b"
    r"|environ(?:\.get)?[\[(]\"(\w+)\""
)
SOURCE = r"(?:gorillacomb|tests|fixtures)/[a-z0-9_/.]+"
"""A path in the documentation."""
NOT_KEYS = re.compile(
    r"(trace|entries)\[\]|entry|settings|files_by_state|folders_by_state|counts|pulse\b"
)
"""Places in documents whose keys are described elsewhere, or are no fixed names."""


@pytest.fixture(scope="module")
def commands() -> dict[str, tuple[click.Command, click.Context]]:
    context = click.Context(cli, info_name="gorillacomb")
    return {name: (each, its) for name, each, its in all_commands(cli, context)}


def named(word: str) -> bool:
    """Whether a topic has a word as a word."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", TEXT) is not None


def test_every_command(commands: dict[str, tuple[click.Command, click.Context]]) -> None:
    assert len(commands) > 25
    missing = [name for name in commands if not named(name)]
    assert missing == []
    assert [name for name in COMMANDS if not re.search(rf"gorillacomb {name}\b", TEXT)] == []


def test_every_option(commands: dict[str, tuple[click.Command, click.Context]]) -> None:
    missing = {
        f"{name} {option}"
        for name, (command, _) in commands.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option not in EVERYWHERE and not named(option)
    }
    assert missing == set()


def test_every_group_of_options(commands: dict[str, tuple[click.Command, click.Context]]) -> None:
    command, _ = commands["dedupe"]
    titles = getattr(command, "option_groups", {})
    assert titles
    assert f"what you want to do: {', '.join(titles)}." in TOPICS["dedupe"]


def test_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", TOPICS["exit-codes"], re.MULTILINE)
    assert [int(code) for code, _ in rows] == [int(code) for code in ExitCode]
    for (_, meaning), code in zip(rows, ExitCode, strict=True):
        assert meaning.startswith(code.meaning)


def test_every_setting() -> None:
    names = {field.name.replace("_", "-") for field in fields(Settings)}
    assert names == set(re.findall(r"^\| `([\w-]+)` \|", TOPICS["config"], re.MULTILINE))


def test_every_variable() -> None:
    found = {
        match[1] or match[0]
        for text in sources(REPOSITORY / "gorillacomb").values()
        for match in VARIABLES.finditer(text)
    }
    assert {"GORILLACOMB_VAULT", "GORILLACOMB_PASSPHRASE", "NO_COLOR"} <= found
    assert [name for name in found if f"`{name}`" not in TOPICS["environment"]] == []


def test_every_rule_of_safety_and_event() -> None:
    assert [rule for rule in SafetyRule if f"`{rule}`" not in TOPICS["dedupe"]] == []
    assert [event for event in TriggerEvent if f"`{event}`" not in TOPICS["watch"]] == []


def test_every_export_format(commands: dict[str, tuple[click.Command, click.Context]]) -> None:
    """In the table of the topic, in the help, and in the one line of the command."""
    table = TOPICS["manifest"].partition("| `--format` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    command, _ = commands["export"]
    lines = re.findall(r"^ *([\w-]+)  +\S", command.help or "", re.MULTILINE)
    line = COMMANDS["export"][1].removeprefix("Write a manifest as ").rstrip(".")
    assert sorted(rows) == sorted(lines) == sorted(FORMATS)
    assert sorted(re.split(", | or ", line)) == sorted(FORMATS)


def test_every_word_of_ours_is_defined_once() -> None:
    words = re.findall(r"^\* \*\*([^*]+)\*\*:", TOPICS["glossary"], re.MULTILINE)
    assert words == sorted(set(words), key=str.lower)
    assert {"stamp", "pulse", "vault", "root", "scrub", "quarantine", "scroll"} <= set(words)


def keys(document: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield the places of a document, and the key at each."""
    if NOT_KEYS.fullmatch(place):
        return
    if isinstance(document, dict):
        for key, value in document.items():
            inner = f"{place}.{key}" if place else key
            yield inner, key.removesuffix("_b64")
            yield from keys(value, inner)
    elif isinstance(document, list):
        for each in document:
            yield from keys(each, f"{place}[]")


def undocumented(documents: dict[str, Any]) -> set[str]:
    return {
        f"{name}: {place}"
        for name, document in documents.items()
        for place, key in keys(document, "")
        if not is_in_topic(key)
    }


def is_in_topic(key: str) -> bool:
    return re.search(rf"`{re.escape(key)}(\[\])?`", TOPICS["json"]) is not None


def test_every_key_of_earlier_versions() -> None:
    for fixture in fixtures():
        recorded = {**fixture.answers["mounted"], **fixture.answers["unpacked"]}
        documents = {name: each["json"] for name, each in recorded.items() if "json" in each}
        assert len(documents) > 20
        assert undocumented(documents) == set()
    later = {place.rpartition(".")[2] for each in LATER.values() for place in each}
    assert [key for key in later if f"`{key}" not in TOPICS["json"]] == []


def keys_defined(kind: Any) -> set[str]:
    """The keys of a document by its definition, and of all that it holds."""
    found = set()
    if is_typeddict(kind):
        for key, inner in keys_of(kind).items():
            found |= {key, *keys_defined(inner)}
    for inner in typing.get_args(kind):
        found |= keys_defined(inner)
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_key_that_is_defined(name: str) -> None:
    defined = keys_defined(definition(DOCUMENTS[name]))
    assert defined
    missing = [key for key in defined if not is_in_topic(key.removesuffix("_b64"))]
    assert missing == []


def test_every_key_of_today(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "Drive", DRIVE)
    plan, manifest = tmp_path / "plan", tmp_path / "manifest.json"
    documents: dict[str, Any] = {}

    def ask(*words: str | Path) -> Any:
        ran = run(*words, "--json", vault=vault)
        assert ran.code in (0, 1), ran
        name = " ".join(word for word in words if isinstance(word, str))
        documents[name] = ran.json()
        return documents[name]

    ask("scan", top)
    for name in ("dupes", "folders", "status", "dedupe"):
        ask(name)
    for name in ("explain", "unique"):
        ask(name, top / "Backup 2022/HealthTrack")
    ask("explain", top / "Movies/talk.mov")
    ask("compare", top / "Projects/HealthTrack", top / "Backup 2022/HealthTrack-old")
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    done = ask("dedupe", "--apply", plan)
    ask("dedupe", "--history")
    ask("dedupe", "--history", done["run"])
    ask("explain", top / "Downloads/talk.mov")
    ask("dedupe", "--undo")
    ask("manifest", top / "Projects", "-o", manifest)
    ask("verify", manifest, "--root", top / "Projects")
    ask("export", manifest, "--format", "oms", "-o", tmp_path / "bundle")
    ask("scrub", top)
    ask("scrub", "--repair")
    ask("pulse")
    ask("trace", "verify")
    ask("trace", "log")
    ask("trace", "show", top / "Movies/talk.mov")
    ask("keys", "rotate")
    ask("vault", "check")
    ask("vault", "backup", tmp_path / "backup")
    ask("roots", "list")
    ask("trace", "adopt", "--force")
    ask("roots", "forget", top)
    assert undocumented(documents) == set()


def test_every_link_leads_somewhere() -> None:
    for page, text in pages().items():
        folder = (README if page == "README.md" else DOCS / page).parent
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            assert "://" in target or (folder / target).exists(), f"{page}: {target}"


def test_every_path_of_the_source_exists() -> None:
    found = set(re.findall(rf"`({SOURCE})`", TEXT))
    assert len(found) > 15
    assert [path for path in found if not (REPOSITORY / path).exists()] == []
    assert re.findall(r"\b(?:gorillacomb|tests|fixtures)\.[\w./]*\.py\b", TEXT) == []


def test_every_name_is_defined_where_the_topic_says() -> None:
    names = r"(?:`[\w.()]+`(?:,|,? and)\s+)*`[\w.()]+`"
    places = re.findall(rf"({names})\s+(?:in|of)\s+`({SOURCE})`", TEXT)
    found = [(name, path) for names, path in places for name in re.findall(r"`(\w+)", names)]
    assert len(found) > 5
    assert [each for each in found if not is_defined(*each)] == []


def is_defined(name: str, place: str) -> bool:
    """Whether a module, or one of a folder, defines a function, class or constant."""
    path = REPOSITORY / place
    pattern = re.compile(rf"^ *(?:def|class) {name}\b|^{name}(?:: .+)? = ", re.MULTILINE)
    modules = path.rglob("*.py") if path.is_dir() else [path]
    return any(pattern.search(module.read_text()) for module in modules)


def test_topics_have_a_title_and_one_line() -> None:
    for name in topic_names():
        topic = find_topic(name)
        assert topic is not None
        assert topic.text.startswith(f"# {topic.title}\n\n{topic.summary}\n\n")
        assert len(topic.summary) <= 60, name
        assert topic.summary.endswith(".")


def test_the_readme_is_short_and_names_every_topic() -> None:
    text = README.read_text()
    assert text.count("\n") <= 150
    missing = [name for name in topic_names() if f"docs/{name}.md" not in text]
    assert [name for name in missing if not name.startswith("internals/")] == []
