"""A deployed folder is guarded: whatever is not as its manifest says is told."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import run
from tests.support.trees import make_tree, settle
from tests.watch.daemon import Daemon

WRITES = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    """A drive with a deployed folder, and its manifest in it."""
    top = make_tree(tmp_path / "drive", {"app": {"a": "1", "in": {"b": "2"}}, "other": {"c": "3"}})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    ran = run("manifest", top / "app", "-o", top / "app/manifest.json", vault=vault)
    assert ran.code == 0, ran
    return top


def causes(daemon: Daemon, words: str) -> list[str]:
    """Why it is degraded, as far as some words are in it."""
    return [cause for cause in daemon.statement()["degraded"] if words in cause]


def broken(daemon: Daemon) -> list[str]:
    return causes(daemon, "manifest.json")


def test_what_is_not_as_the_manifest_says_is_told(top: Path, vault: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f'"{sys.executable}" -c "{WRITES}" {told}'
    manifest = top / "app/manifest.json"
    options = ("--manifest", manifest, "--on", "manifest-broken", command)
    daemon = Daemon(vault, top, options=options)
    daemon.settle()
    (top / "other/c").write_text("nothing to do with it")
    daemon.settle()
    assert (broken(daemon), told.exists()) == ([], False)

    (top / "app/in/b").write_text("another")
    (top / "app/new").write_text("new")
    daemon.until(lambda: broken(daemon))
    daemon.settle()
    assert "1 changed, 1 extra" in broken(daemon)[0]
    document = json.loads(told.read_text().splitlines()[-1])
    assert document["changed"] == [{"path": "in/b"}]
    assert (document["extra"], document["counts"]["missing"]) == ([{"path": "new"}], 0)
    assert run("pulse", vault=vault).code == 1

    facts = (top / "app/a").stat()
    (top / "app/in/b").write_text("2")
    (top / "app/new").unlink()
    (top / "app/a").rename(top / "app/moved")
    daemon.until(lambda: "renamed" in "".join(broken(daemon)))
    (top / "app/moved").rename(top / "app/a")
    os.utime(top / "app/a", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    daemon.until(lambda: not broken(daemon))
    manifest.write_text("{}")
    (top / "app/a").unlink()
    daemon.until(lambda: "1 missing" in "".join(broken(daemon)))
    daemon.stop()


def test_what_is_no_guard(top: Path, vault: Path, tmp_path: Path) -> None:
    manifest = top / "app/manifest.json"

    def refused(*arguments: Any) -> str:
        ran = run("watch", *arguments, vault=vault)
        assert ran.code == 2, ran
        return ran.err

    assert "is not in a watched folder" in refused(top / "other", "--manifest", manifest)
    manifest.write_text(manifest.read_text().replace("in/b", "in/c"))
    assert refused(top, "--manifest", manifest)
    assert refused(top, "--manifest", tmp_path / "nowhere.json")


def deployed(tmp_path: Path, vault: Path) -> tuple[Path, Path]:
    """Two releases with their signed manifests, and a link to the first."""
    place = make_tree(tmp_path / "srv", {"releases": {"1": {"app": "1"}, "2": {"app": "two"}}})
    settle(place)
    for each in ("1", "2"):
        release = place / "releases" / each
        assert run("scan", release, vault=vault).code == 0
        assert run("manifest", release, "-o", release / "m.json", vault=vault).code == 0
    current = place / "current"
    current.symlink_to("releases/1")
    return place, current


def lead(link: Path, to: str) -> None:
    """Exchange a link for another one in one step."""
    link.with_name("next").symlink_to(to)
    link.with_name("next").rename(link)


@pytest.mark.parametrize("top", ["current", "."])
def test_a_link_to_another_release(tmp_path: Path, vault: Path, top: str) -> None:
    """The root is named by the link, or the link is in it: what it leads to now is guarded."""
    place, current = deployed(tmp_path, vault)
    old, new = (place / "releases" / each for each in ("1", "2"))
    daemon = Daemon(
        vault, place / top, options=("--manifest", current / "m.json", "--poll-remote", "1")
    )
    daemon.settle()
    lead(current, "releases/2")
    (new / "app").write_text("changed")
    daemon.until(lambda: causes(daemon, "m.json"))
    assert f"{new} is not as {current}/m.json says: 1 changed" in causes(daemon, "m.json")[0]
    (new / "app").write_text("two")
    daemon.until(lambda: not causes(daemon, "1 changed"))
    lead(current, "releases/1")
    (old / "m.json.dsse").unlink()
    (old / "m.json").write_text("{}")
    daemon.until(lambda: causes(daemon, f"{old} is not as"))
    assert "1 changed" in causes(daemon, "m.json")[0], "an unsigned one says nothing"
    lead(current, "nowhere")
    daemon.until(lambda: causes(daemon, "is not there" if top == "current" else "m.json"))
    elsewhere = make_tree(tmp_path / "elsewhere", {"app": "3"})
    lead(current, str(elsewhere))
    daemon.until(lambda: causes(daemon, f"{elsewhere} is not as"))
    outside = causes(daemon, "no folder that is watched")
    assert len(outside) == (0 if top == "current" else 1)
    if top == "current":
        assert [each["path"] for each in daemon.statement()["roots"]] == [str(elsewhere)]
    events = [json.loads(line) for line in daemon.stop().out.splitlines()]
    followed = [(each["path"], each["root"]) for each in events if each["event"] == "followed"]
    leads = [(str(current), str(each)) for each in (new, old, elsewhere)]
    assert followed == (leads if top == "current" else [])
