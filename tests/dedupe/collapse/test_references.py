"""What refers to a copy by its path, from outside or from within, and what becomes of that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.dedupe.model import SafetyRule
from tests.dedupe.collapse.test_plan import SHELF, Drive
from tests.support.trees import Link, make_tree


@pytest.fixture
def drive(tmp_path: Path) -> Drive:
    return Drive(tmp_path)


def environment(folder: Path) -> None:
    """Make a virtual environment where it will be used."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)


def test_an_environment_that_was_made_in_the_copy_keeps_it(drive: Drive) -> None:
    environment(drive.copy / ".venv")
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert cause.startswith(".venv/")
    assert f" names {drive.copy}/.venv, which leaves" in cause
    shutil.rmtree(drive.copy / ".venv")
    assert drive.items() == set()


def test_an_environment_of_which_only_a_script_is_different_keeps_it(drive: Drive) -> None:
    """A tool that was installed later: its first line names the interpreter."""
    environment(drive.copy / ".venv")
    shutil.copytree(drive.copy / ".venv", drive.keep / ".venv", symlinks=True)
    for folder in (drive.keep, drive.copy):
        for name in ("activate", "activate.csh", "activate.fish"):
            (folder / ".venv/bin" / name).write_text("# nothing\n")
        (folder / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
    tool = drive.copy / ".venv/bin/tool"
    tool.write_text(f"#!{drive.copy}/.venv/bin/python3\n")
    tool.chmod(0o755)
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert cause.startswith(f".venv/bin/tool line 1 names {drive.copy}/.venv")


def test_an_environment_that_a_lock_file_makes_again_leaves(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        (folder / "uv.lock").write_text("version = 1\n")
        environment(folder / ".venv")
    assert drive.items() == set()
    drive.there_and_back()


def test_an_environment_that_was_copied_from_the_kept_one_leaves(drive: Drive) -> None:
    """Its texts name the kept tree, where they are the same."""
    environment(drive.keep / ".venv")
    shutil.copytree(drive.keep / ".venv", drive.copy / ".venv", symlinks=True)
    assert drive.items() == set()
    drive.there_and_back()


def test_an_environment_that_was_copied_into_the_kept_one_keeps_the_copy(drive: Drive) -> None:
    """What is kept would not work without it."""
    environment(drive.copy / ".venv")
    shutil.copytree(drive.copy / ".venv", drive.keep / ".venv", symlinks=True)
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert f"{drive.keep}/.venv/" in cause and " line " in cause


def test_a_package_that_names_its_own_folder_keeps_the_copy(drive: Drive) -> None:
    for folder in (drive.keep, drive.copy):
        make_tree(folder, {"docs": {f"d{number}": f"{number}" * 99 for number in range(5)}})
    make_tree(drive.copy, {"lib": {"package.json": "{}"}})
    package = '{\n"dependencies": {"lib": "file:%s"}}'
    (drive.copy / "package.json").write_text(package % (drive.copy / "lib"))
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert cause.startswith(f"package.json line 2 names {drive.copy}/lib, which leaves")
    (drive.copy / "package.json").write_text(package % "./lib")
    assert drive.items() == {"lib", "package.json"}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("site/docker-compose.yml", "services:\n  a:\n    volumes:\n      - @/src:/srv\n", 4),
        ("site/compose.prod.yaml", "services:\n  a: {build: '@'}\n", 2),
        ("etc/systemd/system/a.service", "[Service]\nWorkingDirectory=@\n", 2),
        ("any/a.service", "[Service]\nExecStart=/usr/bin/node @/src/f1\n", 2),
        ("etc/crontab", "# daily\n@daily me cd @ && make\n", 2),
        (
            "Library/LaunchAgents/a.plist",
            "<plist><dict>\n<key>WorkingDirectory</key>\n<string>@/src</string></dict></plist>",
            3,
        ),
        ("env/lib/site-packages/a.pth", "# a\n@/src\n", 2),
        ("env/lib/site-packages/__editable__a.py", "MAPPING = {'a': '@/src'}\n", 1),
        ("site/package.json", '{"dependencies": {\n"a": "link:@"}}', 2),
    ],
)
def test_what_names_the_copy_keeps_it(drive: Drive, name: str, text: str, line: int) -> None:
    file = drive.top / name
    file.parent.mkdir(parents=True)
    file.write_text(text.replace("@", str(drive.copy)).replace(f"{drive.copy}daily", "@daily"))
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert f"what {file} line {line} leads to" in cause or f"where {file} line {line}" in cause
    file.write_text(text.replace("@", str(drive.keep)).replace(f"{drive.keep}daily", "@daily"))
    drive.there_and_back()


def test_a_backup_of_a_folder_keeps_nothing_in_it(drive: Drive) -> None:
    """What is named is needed, but not each part of it."""
    (drive.top / "etc").mkdir()
    (drive.top / "etc/crontab").write_text(f"@daily root rsync -a {drive.top}/Backup /mnt\n")
    drive.there_and_back()


def _unit(home: Path, copy: Path) -> tuple[Path, int]:
    unit = home / ".config/systemd/user/app.service"
    unit.parent.mkdir(parents=True)
    unit.write_text(f"[Service]\nExecStart={copy}/src/f1\n")
    return unit, 2


def _linked_unit(home: Path, copy: Path) -> tuple[Path, int]:
    unit = home / ".config/systemd/user/app.service"
    unit.parent.mkdir(parents=True)
    unit.symlink_to(copy / "src/f1")
    return unit, 0


def _agent(home: Path, copy: Path) -> tuple[Path, int]:
    agent = home / "Library/LaunchAgents/app.plist"
    agent.parent.mkdir(parents=True)
    agent.write_text(f"<plist><string>{copy}/src/f1</string></plist>")
    return agent, 1


@pytest.mark.parametrize("prepare", [_unit, _linked_unit, _agent])
def test_what_this_machine_starts_keeps_the_copy(
    drive: Drive, own_home: Path, prepare: Callable[[Path, Path], tuple[Path, int]]
) -> None:
    """Where the system has it, though nobody scanned that."""
    file, line = prepare(own_home, drive.copy)
    rule, cause = drive.left()
    assert rule == SafetyRule.LINKED
    assert f"{file} line {line} leads to" in cause if line else f"{file} leads to" in cause


def test_absolute_links_into_the_copy_are_copied_as_they_are_and_told(drive: Drive) -> None:
    (drive.copy / "current").symlink_to(drive.copy / "src")
    (drive.copy / "outside").symlink_to("/usr")
    (drive.copy / "beside").symlink_to("src/f1")
    plan = drive.plan()
    [note] = plan.contents.notes
    assert note == (
        f"Links that are copied from {drive.copy} lead into it, and will lead nowhere:"
        " 1, such as current."
    )
    drive.there_and_back()
    drive.file.unlink()
    drive.plan().save(drive.file)
    assert drive.vault.apply(drive.file, dry_run=False).is_complete
    shelf = drive.top / SHELF / "Backup"
    texts = {each.name: os.readlink(each) for each in shelf.iterdir()}
    assert texts == {"current": f"{drive.copy}/src", "outside": "/usr", "beside": "src/f1"}


def test_links_are_judged_where_they_will_be(tmp_path: Path) -> None:
    """The same text out of the tree leads elsewhere from there; within it, to the same content."""
    drive = Drive(tmp_path)
    for folder, other in ((drive.keep, "kept"), (drive.copy, "other")):
        make_tree(folder, {"out": Link("../data"), "in": Link("src/f1"), "abs": Link("/usr")})
        make_tree(folder.parent, {"data": other})
    assert drive.items() == {"out"}
    (drive.top / "Backup/data").unlink()  # a link that leads nowhere is a text
    assert drive.items() == set()
