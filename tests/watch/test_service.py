"""The service that is written is one that its manager takes, and that starts the watcher."""

from __future__ import annotations

import os
import plistlib
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from gorillacomb.api.watch.service import WATCH, WEB, ServiceKind, launchd_plist, systemd_unit
from tests.support.run import environment, refused, run
from tests.support.trees import make_tree
from tests.watch.daemon import Daemon

ODD = [
    b"/a b/c",
    b"/100 %/$HOME",
    b'/"quoted"',
    b"/back\\slash",
    b"/new\nline",
    b"/\xff\xfe",
    b"/\xc3\xa9",
]


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "a drive", {"a": {"x": "1"}})


def test_install_and_uninstall(own_home: Path, top: Path, vault: Path) -> None:
    ran = run("watch", top, "--quiet", "3", "--install", vault=vault)
    assert (ran.code, ran.err) == (0, "")
    place = own_home / ".config/systemd/user/gorillacomb-watch.service"
    assert str(place) in ran.out and "enable --now gorillacomb-watch.service" in ran.out
    text = place.read_text()
    assert f'"watch" "{top}" "--quiet" "3.0" "--vault" "{vault}"' in text
    assert run("watch", top, "--quiet", "3", "--install", vault=vault).code == 0
    refused(run("watch", top, "--install", vault=vault), 5, "already exists")
    assert place.read_text() == text
    assert run("watch", "--uninstall").code == 0
    assert not place.exists()
    refused(run("watch", "--uninstall"), 2, "No watcher is installed")
    refused(run("watch"), 2, "Name a folder")


def test_the_server_as_a_service(own_home: Path, tmp_path: Path, vault: Path) -> None:
    (tmp_path / "cert").write_text("")
    tls = ("--tls-cert", "cert", "--tls-key", "cert", "--bind", "0.0.0.0")
    ran = run("service", "install", "web", "--read-only", *tls, vault=vault, cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    place = own_home / ".config/systemd/user/gorillacomb-web.service"
    text = place.read_text()
    cert = tmp_path / "cert"
    wanted = f'"--tls-cert" "{cert}" "--tls-key" "{cert}" "--vault" "{vault}"'
    assert '"serve" "--bind" "0.0.0.0" "--read-only"' in text and wanted in text
    assert "KillMode=process" in text, "jobs go on when the server is restarted"
    refused(run("service", "install", "web", vault=vault), 5, "already exists")
    refused(run("service", "install", "web", "--open", vault=vault), 2, "no page")
    refused(run("service", "install", "web", "--nonsense", vault=vault), 2, "--nonsense")
    assert run("service", "remove", "web").code == 0 and not place.exists()
    refused(run("service", "remove", "web"), 2, "No server is installed")


def test_the_watcher_by_its_other_name(own_home: Path, top: Path, vault: Path) -> None:
    assert run("service", "install", "watch", top, "--quiet", "3", vault=vault).code == 0
    place = own_home / ".config/systemd/user/gorillacomb-watch.service"
    text = place.read_text()
    assert run("service", "remove", "watch").code == 0 and not place.exists()
    assert run("watch", top, "--quiet", "3", "--install", vault=vault).code == 0
    assert place.read_text() == text


@pytest.mark.parametrize(("kind", "pulse"), [(WATCH, 9), (WEB, None)])
def test_the_unit_is_one(
    own_home: Path, tmp_path: Path, kind: ServiceKind, pulse: float | None
) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: apt install systemd")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = tmp_path / kind.unit
    path.write_bytes(systemd_unit(kind, [os.fsencode(program), b"watch", *ODD], pulse))
    words = ["systemd-analyze", "verify", "--user", str(path)]
    env = environment(XDG_RUNTIME_DIR=str(own_home))  # short enough for its sockets
    ran = subprocess.run(words, capture_output=True, text=True, env=env, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_agent_is_a_property_list() -> None:
    words = [b"/usr/bin/python", b"-m", b"gorillacomb", b"watch", b"/a b"]
    assert plistlib.loads(launchd_plist(WEB, words))["ProgramArguments"] == [
        os.fsdecode(each) for each in words
    ]


def test_systemd_is_told(tmp_path: Path, top: Path, vault: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        words = (b"env", b"NOTIFY_SOCKET=" + os.fsencode(tmp_path / "notify"))
        daemon = Daemon(vault, top, words=words)
        told = {manager.recv(100) for _ in range(4)}
        assert told == {b"READY=1", b"WATCHDOG=1"}
        daemon.stop()
        while manager.recv(100) != b"STOPPING=1":
            pass
