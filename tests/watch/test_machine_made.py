"""What machines make is stamped when it has been quiet: an install taken back leaves nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.stamping.trace import check_trace, events
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle
from tests.watch.daemon import Daemon

Watch = Callable[..., Daemon]


def install(top: Path, word: str, count: int = 30) -> None:
    """What a package manager brings: some files that are alike, and folders in folders."""
    packages: Tree = {
        f"{word} {number}": {
            "index.js": f"{word} {number // 2}",
            "lib": {"own.js": f"{number} {word}"},
        }
        for number in range(count)
    }
    make_tree(top / "app/node_modules", packages)


def stamped(vault: Path) -> list[str]:
    """The paths of all canonical files that the trace was ever told of."""
    return [str(each["path"]) for each in events(vault) if each["event"] in ("stamp", "restamp")]


def machine_made(vault: Path) -> list[str]:
    return [path for path in stamped(vault) if "node_modules" in path]


def make_project(tmp_path: Path) -> Path:
    top = make_tree(tmp_path / "top", {"app": {"package.json": "{}", "main.js": "main"}})
    settle(top)
    return top


def test_what_is_taken_back_at_once_leaves_no_entry(tmp_path: Path, vault: Path) -> None:
    top = make_project(tmp_path)
    daemon = Daemon(vault, top, options=("--machine-quiet", "1h"))
    daemon.settle()
    install(top, "first")
    (top / "app/own.js").write_text("by hand")
    daemon.settle()
    assert sorted(stamped(vault)) == ["app/main.js", "app/own.js", "app/package.json"]
    before = len(events(vault))
    (top / "app/node_modules/first 3/index.js").write_text("built anew")
    (top / "app/node_modules/first 1").rename(top / "app/node_modules/first 2/moved")
    daemon.settle()
    shutil.rmtree(top / "app/node_modules")
    daemon.settle()
    assert len(events(vault)) == before
    assert daemon.stop().code == 0
    assert run("scan", top, vault=vault).code == 0
    check_trace(vault, top)


def test_what_stays_is_stamped_when_it_has_been_quiet(tmp_path: Path, vault: Path) -> None:
    top = make_project(tmp_path)
    span = 3.0
    daemon = Daemon(vault, top, options=("--machine-quiet", f"{span:.0f}s"))
    daemon.settle()
    install(top, "first")
    began = time.monotonic()
    daemon.settle()
    assert machine_made(vault) == [] or time.monotonic() - began >= span
    daemon.kill()
    daemon.restart("--machine-quiet", f"{span:.0f}s")  # it is in the index what waits
    daemon.until(lambda: machine_made(vault))
    assert time.monotonic() - began >= span
    daemon.settle()
    check_trace(vault, top)
    shutil.rmtree(top / "app/node_modules")
    daemon.settle()
    assert daemon.stop().code == 0
    check_trace(vault, top)
    assert [each["event"] for each in events(vault)].count("retire-folder") <= 1


def test_a_copy_elsewhere_and_a_scan_by_hand_stamp_at_once(tmp_path: Path, vault: Path) -> None:
    top = make_project(tmp_path)
    daemon = Daemon(vault, top)
    daemon.settle()
    install(top, "first", 4)
    daemon.settle()
    assert machine_made(vault) == []
    ran = run("manifest", "-o", tmp_path / "manifest.json", vault=vault)
    assert (ran.code, "not stamped yet" in ran.err) == (2, True)
    shutil.copy(top / "app/node_modules/first 0/lib/own.js", top / "app/copy.js")
    daemon.settle()
    assert "app/copy.js" in stamped(vault) and machine_made(vault) == []
    assert run("scan", top, vault=vault).code == 0
    assert machine_made(vault)
    check_trace(vault, top)
    assert run("manifest", "-o", tmp_path / "manifest.json", vault=vault).code == 0
