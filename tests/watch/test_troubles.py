"""What keeps a watcher from hearing of changes is told, and what it did not hear of is found."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gorillacomb.index.database import Index
from gorillacomb.model import SECOND, EntryState
from gorillacomb.vault.vault import Vault, config_folder
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.exclusions import WatchExclusions
from gorillacomb.watch.health import RootHealth, WatcherHealth
from gorillacomb.watch.options import WatchOptions
from gorillacomb.watch.root_monitor import RootMonitor
from tests.support.run import command, environment, run, until
from tests.support.trees import Tree, make_tree, rows_in_index, scan
from tests.watch.daemon import Daemon, check_index, check_truth, rows
from tests.watch.load import flood

TREE: Tree = {"a": {"x": "1", "in": {"y": "2"}}, "b": {"z": "3"}}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", TREE)


def health(daemon: Daemon, top: Path) -> str:
    found = {each["path"]: each["health"] for each in daemon.statement()["roots"]}
    return str(found[str(top)])


def check_caught_up(daemon: Daemon, fresh: Path) -> None:
    """The watcher comes to know the file ``b/new``, and all else."""
    [top] = daemon.tops
    daemon.until(lambda: is_known(daemon.vault, top / "b" / "new"))
    daemon.settle()
    daemon.stop()
    check_truth(daemon.vault, fresh, top)


def is_known(vault: Path, path: Path) -> bool:
    return os.fsencode(path) in rows_in_index(vault)


def test_events_that_were_lost(tmp_path: Path, top: Path, vault: Path) -> None:
    """More changes than the kernel keeps for somebody who does not listen."""
    daemon = Daemon(vault, top)
    daemon.settle()
    daemon.process.send_signal(signal.SIGSTOP)
    flood(top / "b")
    make_tree(top / "after", {"in": {"that": "4"}, "w": "5"})
    for one, other in (("a", "aside"), ("b", "a"), ("aside", "b")):
        (top / one).rename(top / other)
    daemon.process.send_signal(signal.SIGCONT)
    daemon.until(lambda: is_known(vault, top / "after" / "w"))
    (top / "after" / "in" / "later").write_text("6")
    (top / "b" / "in" / "later").write_text("7")
    (top / "a" / "later").write_text("8")
    daemon.settle()
    assert daemon.statement()["degraded"] == []
    ran = daemon.stop()
    assert "the system lost events" in ran.out
    check_truth(vault, tmp_path / "fresh", top)


def limited(setting: str, most: int) -> tuple[bytes, ...]:
    """The words of a command that runs another one with a limit of inotify of its own."""
    script = f'echo {most} > /proc/sys/user/{setting} && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"MISSING: a user namespace with a limit of its own: {tried.stderr.strip()}")
    return tuple(map(os.fsencode, words))


def test_nobody_may_watch(tmp_path: Path, top: Path, vault: Path) -> None:
    words = limited("max_inotify_instances", 0)
    daemon = Daemon(vault, top, options=("--poll-remote", "1"), words=words)
    daemon.settle()
    assert health(daemon, top) == "polled"
    assert "inotify instance limit reached" in daemon.statement()["degraded"][0]
    (top / "b" / "new").write_text("new")
    check_caught_up(daemon, tmp_path / "fresh")


def test_no_watches_left(tmp_path: Path, top: Path, vault: Path) -> None:
    words = limited("max_inotify_watches", 20)
    daemon = Daemon(vault, top, options=("--poll-remote", "1"), words=words)
    daemon.settle()
    assert health(daemon, top) == "watched"
    for number in range(30):
        make_tree(top / f"more {number}", {"f": str(number)})
    daemon.until(lambda: health(daemon, top) == "polled")
    daemon.until(lambda: daemon.statement()["degraded"])
    assert "inotify watch limit reached" in daemon.statement()["degraded"][0]
    ran = run("pulse", vault=vault)
    assert (ran.code, ran.out.startswith("degraded")) == (1, True)
    (top / "more 29" / "late").write_text("late")
    daemon.until(lambda: is_known(vault, top / "more 29" / "late"))
    daemon.settle()
    daemon.stop()
    check_truth(vault, tmp_path / "fresh", top)


def test_a_root_that_goes_and_comes_back(tmp_path: Path, top: Path, vault: Path) -> None:
    other = make_tree(tmp_path / "other", {"f": "other"})
    daemon = Daemon(vault, top, other)
    daemon.settle()
    away = top.rename(tmp_path / "away")
    daemon.until(lambda: health(daemon, top) == "away")
    assert daemon.statement()["degraded"] == [f"{top} is not there"]
    (other / "g").write_text("meanwhile")
    daemon.until(lambda: is_known(vault, other / "g"))
    assert is_known(vault, top / "a" / "x")
    (away / "b" / "new").write_text("new")
    away.rename(top)
    daemon.until(lambda: is_known(vault, top / "b" / "new"))
    daemon.settle()
    assert (health(daemon, top), daemon.statement()["degraded"]) == ("watched", [])
    (top / "b" / "newer").write_text("newer")
    daemon.until(lambda: is_known(vault, top / "b" / "newer"))
    daemon.settle()
    daemon.stop()
    check_truth(vault, tmp_path / "fresh", top, other)


def test_a_root_whose_name_is_no_text(tmp_path: Path, vault: Path) -> None:
    """Its name stands in what the pulse tells."""
    top = make_tree(Path(os.fsdecode(os.fsencode(tmp_path) + b"/dr\xffve")), TREE)
    daemon = Daemon(vault, top)
    daemon.settle()
    away = top.rename(tmp_path / "away")
    daemon.until(lambda: daemon.statement()["degraded"])
    assert daemon.statement()["degraded"] == [f"{tmp_path}/dr\\xffve is not there"]
    since = daemon.statement()["seq"]
    daemon.until(lambda: daemon.statement()["seq"] > since)
    away.rename(top)
    daemon.until(lambda: not daemon.statement()["degraded"])
    daemon.settle()
    daemon.stop()
    check_truth(vault, tmp_path / "fresh", top)


def test_a_root_that_is_made_anew_at_once(tmp_path: Path, top: Path, vault: Path) -> None:
    """The new folder may well have the inode of the old one."""
    daemon = Daemon(vault, top)
    daemon.settle()
    for number in range(5):
        shutil.rmtree(top)
        make_tree(top, {"a": {"x": f"{number}"}})
        daemon.settle()
        (top / "a" / "late").write_text("late")
        daemon.until(lambda: is_known(vault, top / "a" / "late"))
    daemon.settle()
    daemon.stop()
    check_truth(vault, tmp_path / "fresh", top)


def test_paths_longer_than_the_system_takes(tmp_path: Path, top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.settle()
    names = ["n" * 200] * 25
    opened = [os.open(top, os.O_RDONLY)]
    try:
        for name in names:
            os.mkdir(name, dir_fd=opened[-1])
            opened.append(os.open(name, os.O_RDONLY, dir_fd=opened[-1]))
        deepest = os.fsencode("/".join([str(top), *names]))
        write("one", opened[-1])
        daemon.until(lambda: deepest + b"/one" in rows_in_index(vault))
        daemon.settle()
        write("two", opened[-1])
        daemon.until(lambda: deepest + b"/two" in rows_in_index(vault))
        daemon.settle()
        daemon.stop()
        daemon.restart()
        daemon.settle()
        assert health(daemon, top) == "watched"
        write("three", opened[-1])
        daemon.until(lambda: deepest + b"/three" in rows_in_index(vault))
    finally:
        for each in opened:
            os.close(each)
    daemon.settle()
    daemon.stop()
    check_index(vault, tmp_path / "fresh", top)


def write(name: str, folder: int) -> None:
    """Make a file in an open folder."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=folder)
    os.write(descriptor, name.encode())
    os.close(descriptor)


def test_a_whole_scan_is_due_from_time_to_time(top: Path, vault: Path) -> None:
    """Also of what is watched: not everything is told of."""
    options = WatchOptions(quiet_ns=0, poll_ns=SECOND, whole_ns=2 * SECOND)
    health, back = WatcherHealth(), list[bytes]()
    left_out = WatchExclusions(Vault(vault))
    roots = RootMonitor([os.fsencode(top)], options, ChangeQueue(0), left_out, health, back.append)
    try:
        roots.poll_presence()
        assert health.roots == {os.fsencode(top): RootHealth.WATCHED}
        assert roots.due() == roots.paths
        roots.scanned(roots.paths)
        assert roots.due() == []
        assert until(lambda: roots.due() == roots.paths)
    finally:
        roots.close()
    assert back == []


def test_polling(tmp_path: Path, top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top, options=("--poll", "1"))
    daemon.settle()
    assert health(daemon, top) == "polled"
    (top / "b" / "new").write_text("new")
    check_caught_up(daemon, tmp_path / "fresh")


def test_a_root_that_lost_most_of_its_files(tmp_path: Path, vault: Path) -> None:
    """While nobody watched: the pulse says so, and the watcher goes on without hurry."""
    top = make_tree(tmp_path / "drive", {f"f{number}": str(number) for number in range(12)})
    daemon = Daemon(vault, top)
    daemon.settle()
    daemon.kill()
    for number in range(10):
        (top / f"f{number}").unlink()
    daemon.restart()
    daemon.settle()
    cause = f"{top} may not be what it was: 10 of its 12 files are not there any more"
    assert daemon.statement()["degraded"] == [cause]
    (top / "new").write_text("new")
    daemon.until(lambda: is_known(vault, top / "new"))
    daemon.settle()
    assert daemon.statement()["degraded"] == [cause]
    assert is_known(vault, top / "f0")
    assert run("scan", top, "--accept-loss", vault=vault).code == 0
    (top / "newer").write_text("newer")
    daemon.until(lambda: is_known(vault, top / "newer"))
    daemon.settle()
    assert daemon.statement()["degraded"] == []
    scans = [line for line in daemon.stop().out.splitlines() if '"scanned"' in line]
    assert len(scans) <= 4, scans
    check_truth(vault, tmp_path / "fresh", top)


def test_settings_are_read_again(top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.settle()
    settings = config_folder() / "config.toml"
    settings.write_text('exclude = ["in"]\n')
    daemon.process.send_signal(signal.SIGHUP)
    states = (EntryState.HASHED, EntryState.FRESH)
    daemon.until(lambda: rows_in_index(vault)[os.fsencode(top / "a/in/y")][0] not in states)
    settings.write_text("exclude = 3")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until(lambda: daemon.statement()["degraded"])
    assert "exclude" in daemon.statement()["degraded"][0]
    settings.write_text("")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until(lambda: rows_in_index(vault)[os.fsencode(top / "a/in/y")][0] in states)
    (top / "a/in/new").write_text("watched again")
    daemon.until(lambda: is_known(vault, top / "a/in/new"))
    daemon.settle()
    assert daemon.statement()["degraded"] == []


def test_another_run_has_the_vault(tmp_path: Path, top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.settle()
    with Index.write(Vault(vault)):
        (top / "b" / "new").write_text("new")
        time.sleep(1)
    daemon.until(lambda: is_known(vault, top / "b" / "new"))
    for number in range(10):
        (top / "b" / f"{number}").write_text("and a scan beside it")
        assert run("scan", top, vault=vault).code == 0
    daemon.settle()
    daemon.stop()
    check_truth(vault, tmp_path / "fresh", top)


def test_what_is_left_out_is_not_watched(tmp_path: Path, top: Path) -> None:
    """Neither what is excluded, nor what is ours: else it would feed itself."""
    vault = top / "vault"
    make_tree(top / "out", {"f": "1"})
    run("scan", top, "--exclude", "out", vault=vault)
    daemon = Daemon(vault, top)
    daemon.settle()
    before = daemon.statement()["last_change_ns"]
    (top / "out" / "g").write_text("2")
    (vault / "something").write_text("3")
    time.sleep(1)
    daemon.settle()
    assert daemon.statement()["last_change_ns"] == before
    quarantine = top / ".gorillacomb"
    quarantine.mkdir()
    daemon.settle()
    told = daemon.statement()["last_change_ns"]
    assert told != before  # of a folder that came to the top
    (quarantine / "h").write_text("4")
    time.sleep(1)
    daemon.settle()
    assert daemon.statement()["last_change_ns"] == told
    daemon.stop()


def test_output_into_a_watched_folder_is_refused(top: Path, vault: Path) -> None:
    with (top / "log").open("wb") as log:
        words = [*command("watch", top)]
        ran = subprocess.run(words, stdout=log, stderr=subprocess.PIPE, env=environment(vault))
    assert (ran.returncode, b"in a watched folder" in ran.stderr) == (2, True)


def test_a_vault_that_cannot_be_used_for_a_while(tmp_path: Path, top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.settle()
    away = vault.rename(vault.with_name("away"))
    (top / "b" / "new").write_text("new")
    daemon.until(lambda: daemon.statement()["degraded"])
    away.rename(vault)
    daemon.until(lambda: not daemon.statement()["degraded"])
    check_caught_up(daemon, tmp_path / "fresh")


def test_damage_is_told(top: Path, vault: Path) -> None:
    """Content that changes while size and time do not."""
    daemon = Daemon(vault, top)
    daemon.settle()
    path = top / "b" / "z"
    time.sleep(0.1)
    times, good = path.stat().st_mtime_ns, path.read_text()

    def write(content: str) -> None:
        path.write_text(content)
        os.utime(path, ns=(times, times))

    write("4")
    daemon.until(lambda: daemon.statement()["degraded"])
    [cause] = daemon.statement()["degraded"]
    assert "may be damaged: 1 " in cause
    assert run("pulse", vault=vault).code == 1
    path.chmod(0o600)
    daemon.settle()
    write(good)
    daemon.until(lambda: not daemon.statement()["degraded"])
    told = [json.loads(line) for line in daemon.stop().stdout.splitlines()]
    events = {each["event"]: each.get("cause") for each in told}
    assert (events["degraded"], events["recovered"]) == (cause, cause)
    assert [each["event"] for each in told].count("suspect") == 1, "a chmod is no new damage"


@pytest.mark.parametrize("change", ["chmod", "write", "unlink", "link"])
def test_a_change_under_one_name_of_a_file_is_known_under_the_other(
    change: str, tmp_path: Path, top: Path, vault: Path
) -> None:
    """It is told of for the folder of one name alone, and each row is as a fresh scan has it."""
    one, other = top / "a" / "one", top / "b" / "other"
    one.write_text("a file with two names")
    os.link(one, other)
    daemon = Daemon(vault, top)
    daemon.settle()
    before = rows(vault)[os.fsencode(one)]
    if change == "chmod":
        other.chmod(0o600)
    elif change == "write":
        other.write_text("what is written by the other name")
    elif change == "unlink":
        other.unlink()
    else:
        os.link(other, top / "b" / "third")
    daemon.until(lambda: rows(vault)[os.fsencode(one)] != before)
    daemon.settle()
    daemon.stop()
    scan(tmp_path / "fresh", top)
    assert rows(vault) == rows(tmp_path / "fresh")
