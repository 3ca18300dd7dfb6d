"""Nothing that a repository's configuration, hooks or attributes name is ever run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gorillacomb.dedupe.repositories.contained import repository_content
from gorillacomb.dedupe.repositories.history import find_past_versions, history_reader
from tests.dedupe.repositories.pairs import Pair, commit, git

CANARIES = {
    "core.fsmonitor": "{}",
    "core.sshCommand": "{}",
    "core.pager": "{}",
    "core.editor": "{}",
    "core.askPass": "{}",
    "core.gitProxy": "{}",
    "core.alternateRefsCommand": "{}",
    "core.hooksPath": "{folder}/hooks",
    "core.attributesFile": "{folder}/attributes",
    "pager.log": "{}",
    "pager.config": "{}",
    "diff.external": "{}",
    "diff.evil.command": "{}",
    "diff.evil.textconv": "{}",
    "filter.evil.clean": "{}",
    "filter.evil.smudge": "{}",
    "filter.evil.process": "{}",
    "filter.evil.required": "true",
    "merge.evil.driver": "{}",
    "credential.helper": "!{}",
    "gpg.program": "{}",
    "log.showSignature": "true",
    "sequence.editor": "{}",
    "uploadpack.packObjectsHook": "{}",
    "remote.origin.uploadpack": "{}",
    "remote.origin.url": "ext::{}",
    "remote.origin.vcs": "evil",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "interactive.diffFilter": "{}",
    "trailer.evil.command": "{}",
    "browser.evil.cmd": "{}",
    "alias.log": "!{}",
    "alias.cat-file": "!{}",
    "submodule.inner.update": "!{}",
    "init.templateDir": "{folder}/template",
    "trace2.eventTarget": "{folder}/traced",
    "include.path": "{folder}/included",
    "includeIf.gitdir:/.path": "{folder}/included",
    "safe.directory": "*",
}
HOOKS = (
    *("pre-commit", "post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"),
    *("fsmonitor-watchman", "query-watchman", "post-rewrite", "push-to-checkout"),
)


class Canary:
    """A program that tells that it was run, and everything that names it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = folder / "told"
        self.program = folder / "canary"
        folder.mkdir()
        self.program.write_text(f'#!/bin/sh\necho "$0" "$@" >> {self.told}\n')
        self.program.chmod(0o755)
        for each in (folder / "hooks", folder / "template/hooks"):
            self._hooks(each)
        (folder / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
        (folder / "included").write_text(f"[core]\n\tfsmonitor = {self.program}\n")

    def _hooks(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in HOOKS:
            shutil.copy(self.program, folder / name)

    def infest(self, top: Path) -> None:
        """Name the program wherever a repository may name one."""
        for key, value in CANARIES.items():
            given = value.format(self.program, folder=self.folder)
            git(top, "config", "--add", key, given)
        self._hooks(top / ".git/hooks")
        for each in (top / ".gitattributes", top / ".git/info/attributes"):
            each.parent.mkdir(exist_ok=True)
            each.write_text("* filter=evil diff=evil merge=evil\n")

    @property
    def was_run(self) -> bool:
        return self.told.exists()


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "canaries")


def ask_everything(pair: Pair) -> None:
    """All questions, about copies that may leave and about such that stay."""
    pair.ask()
    pair.ask(reads_objects=False)
    keep = os.fsencode(pair.keep / ".git")
    file = os.fsencode(pair.member / "a.txt")
    versions = find_past_versions(keep, [(b"a.txt", file)])
    assert versions
    oid = versions[file].oid
    with history_reader(keep, [oid]) as reader, (pair.member / "a.txt").open("rb") as opened:
        assert reader.equals(b"a.txt", oid, opened.fileno())


def test_the_canary_sings_for_git_itself(tmp_path: Path, canary: Canary) -> None:
    pair = Pair.made(tmp_path)
    canary.infest(pair.member)
    git(pair.member, "status", code=None)
    assert canary.was_run


@pytest.mark.parametrize("shares", ["nothing", "everything", "hooks of the user"])
def test_nothing_is_run(
    tmp_path: Path, canary: Canary, shares: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair.made(tmp_path)
    if shares == "nothing":
        commit(pair.member, "mine.txt")
    for top in (pair.member, pair.keep):
        canary.infest(top)
    if shares == "hooks of the user":
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        for name in (".gitconfig", ".config/git/config"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pair.member / ".git/config", home / name)
    ask_everything(pair)
    assert (pair.refusal() == "") == (shares != "nothing")
    assert not canary.was_run, canary.told.read_text()
    assert not (canary.folder / "traced").exists()


def test_the_environment_of_the_caller_counts_for_nothing(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair.made(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, "/nowhere")
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EDITOR"):
        monkeypatch.setenv(name, str(canary.program))
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(pair.member / ".git/objects"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "traced"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(canary.program))
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    pair_of_refusals = [pair.refusal()]
    ask_everything(pair)
    for name in [each for each in os.environ if each.startswith("GIT_")]:
        monkeypatch.delenv(name)
    commit(pair.member, "mine.txt")
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(pair.member / ".git/objects"))
    pair_of_refusals.append(pair.refusal())
    monkeypatch.delenv("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    assert pair_of_refusals[0] == ""
    assert "1 new commit" in pair_of_refusals[1]
    assert not canary.was_run
    assert not (tmp_path / "traced").exists()


def test_objects_that_are_missing_are_fetched_from_nowhere(tmp_path: Path, canary: Canary) -> None:
    """A partial clone asks its remote for what it lacks, and a remote may be a program."""
    pair = Pair.made(tmp_path)
    oid = git(pair.keep, "rev-parse", "HEAD:a.txt")
    (pair.keep / ".git/objects" / oid[:2] / oid[2:]).unlink()
    canary.infest(pair.keep)
    for key, value in (("promisor", "true"), ("partialclonefilter", "blob:none")):
        git(pair.keep, "config", f"remote.origin.{key}", value)
    assert "is a partial clone" in pair.refusal()
    # Told by nothing, it is damaged, and no more.
    for key in ("promisor", "partialclonefilter"):
        git(pair.keep, "config", "--unset-all", f"remote.origin.{key}")
    assert "cannot be read: git failed: " in pair.refusal()
    assert not canary.was_run


def test_a_git_in_a_folder_of_the_path_that_is_relative_is_not_run(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair.made(tmp_path)
    shutil.copy(canary.program, pair.member / "git")
    monkeypatch.chdir(pair.member)
    monkeypatch.setenv("PATH", ".")
    paths = os.fsencode(pair.member / ".git"), os.fsencode(pair.keep / ".git")
    refusal = repository_content(*paths).refusal
    assert refusal is not None
    assert "git is not installed" in refusal.cause
    assert not canary.was_run
