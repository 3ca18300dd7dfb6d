"""What people see: eighty columns, colour where it is wanted, and no tricks played by names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gorillacomb.fs.paths import printable_path
from tests.support.homes import config_folder
from tests.support.mounts import tmpfs
from tests.support.run import (
    Argument,
    command,
    environment,
    lines_on_screen,
    on_terminal,
    run,
    shell,
    width_of,
)
from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import Link, Tree, make_tree, scan, settle

LONG = "a rather long name of a folder such as people like to give " * 3
WIDE = "日本語のとても長い名前のフォルダー" * 3
RED = "\x1b[31mred"
NASTY = [
    RED,
    "new\nline",
    "carriage\rreturn",
    "bell\a",
    "tab\there",
    "csi \x9b31m",
    "right to left \u202e gnp.exe",
    "zero\u200bwidth",
    "delete \x7f",
    "title \x1b]0;owned\a",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_tree(
        tmp_path / "tree",
        {
            LONG: {LONG: {"one.txt": "same" * 1000, "two.txt": "same" * 1000}},
            WIDE: {WIDE: {"日.txt": "other" * 1000, "本.txt": "other" * 1000}},
            "left": {LONG: {"long.txt": "fourth" * 1000}},
            "right": {LONG: {"long.txt": "fourth" * 1000}},
            "combining e\u0301" * 15: {"a": "third", "b": "third"},
            "empty": "",
        },
    )
    settle(tree)
    return tree


def too_wide(written: bytes, columns: int = 80) -> list[str]:
    return [line for line in lines_on_screen(written) if width_of(line) > columns]


# Width -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 132])
def test_the_findings_fit_the_terminal(columns: int, tree: Path, vault: Path) -> None:
    for _ in range(2):
        ran = on_terminal("scan", tree, columns=columns, vault=vault)
        assert ran.code == 0
        assert too_wide(ran.stdout, columns) == []
        assert len(lines_on_screen(ran.stdout)) <= 15
    assert "…" in ran.out
    assert run("scan", tree, vault=vault).out.count("…") == 0, "nothing is cut in a pipe"


def test_a_long_root_fits_the_terminal(tree: Path, vault: Path) -> None:
    ran = on_terminal("scan", tree / LONG / LONG, tree / WIDE, vault=vault)
    assert ran.code == 0
    assert too_wide(ran.stdout) == []


def test_every_kind_of_change_fits_the_terminal(tmp_path: Path, vault: Path) -> None:
    before: Tree = {
        f"{kind} {n}": f"{kind} {n}" for kind in ("edit", "away", "move") for n in range(12)
    }
    folders: Tree = {f"folder {number:02}": {"x": f"{number}"} for number in range(12)}
    tree = make_tree(tmp_path / "tree", {**before, **folders, "to": {}})
    settle(tree)
    scan(vault, tree)
    for number in range(12):
        (tree / f"edit {number}").write_text("something else")
        (tree / f"away {number}").unlink()
        (tree / f"move {number}").rename(tree / f"to/move {number}")
        (tree / f"folder {number:02}").rename(tree / f"to/folder {number:02}")
        (tree / f"new {number}").write_text(f"new {number}")
    ran = on_terminal("scan", tree, vault=vault)
    assert "12 changed" in ran.out and "12 gone" in ran.out and "12 new" in ran.out
    assert too_wide(ran.stdout) == []


def test_what_was_not_looked_at_fits_the_terminal() -> None:
    with ground() as home:
        top = home / ("folder with a long name " * 4)
        tree = make_tree(top, {"a": "x", "in": {"b": "y"}, "c.tmp": "z", "d": {"e": "x" * 20}})
        with tmpfs(tree / "another drive with a long name", "1m"):
            ran = on_terminal(
                *("scan", tree, "--exclude", "*.tmp", "--exclude", "in/", "--min-size", "5"),
                vault=home / "vault",
            )
    assert ran.code == 0
    assert "Not looked at" in ran.out and "Not entered" in ran.out
    assert too_wide(ran.stdout) == []


def test_the_status_fits_the_terminal(tree: Path, tmp_path: Path) -> None:
    vault = tmp_path / LONG / "vault"
    vault.parent.mkdir()
    patterns = [f"pattern number {number}/**/*.tmp" for number in range(12)]
    excludes = [word for pattern in patterns for word in ("--exclude", pattern)]
    assert run("scan", tree, *excludes, "--min-size", "6", vault=vault).code == 0
    assert run("scan", tree / LONG, vault=vault).code == 0
    config = config_folder(Path(os.environ["HOME"])) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    places = [f"/a/place/that/is/preferred/{number}" for number in range(9)]
    config.write_text(f"exclude = {patterns}\nprefer = {places}\n")
    ran = on_terminal("status", vault=vault)
    assert ran.code == 0
    assert "Excluded everywhere" in ran.out and "Preferred" in ran.out
    assert too_wide(ran.stdout) == []
    assert len(lines_on_screen(ran.stdout)) > 5
    ran = on_terminal("roots", "list", vault=vault)
    assert too_wide(ran.stdout) == []


def test_paths_are_never_cut_where_they_are_the_answer(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    path = tree / LONG / LONG / "one.txt"
    for arguments in (("dupes", tree), ("explain", path)):
        ran = on_terminal(*arguments, vault=vault)
        assert ran.code == 0
        text = "".join(lines_on_screen(ran.stdout))
        assert printable_path(os.fsencode(path)) in text
        assert "…" not in text


def test_the_help_fits_the_terminal() -> None:
    for words in (
        (),
        ("scan",),
        ("status",),
        ("dupes",),
        ("explain",),
        ("roots",),
        ("completion",),
    ):
        for option in ("--help", "-h"):
            ran = on_terminal(*words, option)
            assert ran.code == 0
            assert too_wide(ran.stdout) == []


# Colour ------------------------------------------------------------------------------------------

EVERY: tuple[tuple[Argument, ...], ...] = (
    ("scan", "TREE"),
    ("status",),
    ("dupes",),
    ("explain", "TREE"),
    ("roots", "list"),
    ("dupes", "--json"),
    ("dupes", "--csv"),
    ("dupes", "--format", "fdupes"),
)


@pytest.mark.parametrize("arguments", EVERY, ids=lambda words: " ".join(map(str, words)))
def test_no_colour_in_a_pipe_or_when_not_wanted(
    arguments: tuple[Argument, ...], tree: Path, vault: Path
) -> None:
    scan(vault, tree)
    words = [tree if word == "TREE" else word for word in arguments]
    ran = run(*words, vault=vault)
    assert (ran.code, b"\x1b" in ran.stdout + ran.stderr) == (0, False)
    ran = on_terminal(*words, "--vault", vault, env=environment(NO_COLOR="1"))
    assert (ran.code, b"\x1b" in ran.stdout) == (0, False)


def test_colour_on_a_terminal(tree: Path, vault: Path) -> None:
    for arguments in (("scan", tree), ("dupes",)):
        assert b"\x1b[" in on_terminal(*arguments, vault=vault).stdout
    for option in ("--json", "--csv", "--format=fdupes"):
        assert b"\x1b" not in on_terminal("dupes", option, vault=vault).stdout


def test_an_empty_no_color_means_nothing(tree: Path, vault: Path) -> None:
    """As https://no-color.org says: it counts when it is there and not empty."""
    ran = on_terminal("scan", tree, env=environment(vault, NO_COLOR=""))
    assert b"\x1b[" in ran.stdout


# Names that play tricks --------------------------------------------------------------------------


def harmless(written: bytes) -> bool:
    """Nothing but printable characters, the terminal's line ends, and the colours we give."""
    text = re.sub(r"\x1b\[\d*m", "", written.decode()).replace("\r\n", "")
    return text.isprintable()


def test_names_of_files_and_folders_play_no_tricks(tmp_path: Path, vault: Path) -> None:
    folders: Tree = {
        f"{name} project": {f"{name} 1": name, f"Copy of {name}": name, "package.json": "{}"}
        for name in NASTY
    }
    others: Tree = {f"{name} other": {"x": name} for name in NASTY}
    tree = make_tree(tmp_path / "".join(NASTY), {**folders, **others, "to": Link(RED)})
    settle(tree)
    env = environment(vault, NO_COLOR="1")
    commands: list[tuple[Argument, ...]] = [
        ("scan", tree),
        *(("scan", tree / f"{name} project") for name in NASTY[:2]),
        ("status",),
        ("roots", "list"),
        ("dupes",),
        *(("explain", tree / f"{name} project" / f"{name} 1") for name in NASTY),
        ("explain", tree),
        ("explain", tree / "to"),
    ]
    for arguments in commands:
        ran = on_terminal(*arguments, env=env)
        assert ran.code == 0
        assert b"\x1b" not in ran.stdout, arguments
        assert harmless(ran.stdout), arguments
        assert not re.search(rb"^(line|return)", ran.stdout, re.MULTILINE), arguments
        assert harmless(ran.stderr.replace(b"\r", b"")), arguments  # the progress bar
    assert len(run("dupes", "--json", vault=vault).json()["groups"]) == len(NASTY) + 1


def test_a_project_marker_plays_no_tricks(tmp_path: Path, vault: Path) -> None:
    """What makes a folder a project may be a name that anyone chose."""
    tree = make_tree(
        tmp_path / "tree",
        {"one": {f"{RED}.xcodeproj": {}, "x": "same"}, "two": {"x": "same"}},
    )
    scan(vault, tree)
    for arguments in (("dupes",), ("explain", tree / "one/x")):
        ran = on_terminal(*arguments, env=environment(vault, NO_COLOR="1"))
        assert ran.code == 0
        assert harmless(ran.stdout)


def test_a_project_marker_that_is_not_utf_8(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(
        tmp_path / "tree",
        {"one": {b"\xff.xcodeproj": {}, "x": "same"}, "two": {"x": "same"}},
    )
    for _ in range(2):
        assert run("scan", tree, vault=vault).code == 0
    ran = run("dupes", "--json", vault=vault)
    assert len(ran.json()["groups"]) == 1


def test_complaints_play_no_tricks(tmp_path: Path, vault: Path) -> None:
    name = "".join(NASTY)
    tree = make_tree(tmp_path / "tree", {"a": "x", name: "file"})
    scan(vault, tree)
    other = tmp_path / f"vault {name}"
    commands: list[tuple[Argument, ...]] = [
        ("scan", tmp_path / f"nix {name}"),
        ("scan", tree / name),
        ("explain", f"nix {name}"),
        ("dupes", f"nix {name}"),
        ("roots", "forget", f"nix {name}"),
        ("scan", tree, "--files-from", f"nix {name}"),
        ("scan", tree, "--min-size", name),
        ("status", "--vault", other),
        (f"--{name}",),
        (f"nix {name}",),
        ("dupes", "--format", name),
    ]
    for arguments in commands:
        ran = on_terminal(*arguments, env=environment(vault, NO_COLOR="1"))
        assert ran.code in (2, 4), (arguments, ran)
        assert b"\x1b" not in ran.stderr, arguments
        assert harmless(ran.stderr), arguments


def test_the_config_plays_no_tricks(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x"})
    config = config_folder(Path(os.environ["HOME"])) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('exclude = ["\\u001b[31mred"]\nprefer = ["/\\u001b[31mred"]\n')
    assert run("scan", tree, "--exclude", f"{RED}*", vault=vault).code == 0
    ran = on_terminal("status", env=environment(vault, NO_COLOR="1"))
    assert ran.code == 0
    assert harmless(ran.stdout)
    config.write_text('"\\u001b[31mred" = 1\n')
    ran = on_terminal("status", env=environment(vault, NO_COLOR="1"))
    assert ran.code == 2
    assert harmless(ran.stderr)


def test_failures_play_no_tricks() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", dict.fromkeys(NASTY[:3], "x"))
        give(tree)
        for name in NASTY[:3]:
            os.chown(tree / name, 0, 0)
            (tree / name).chmod(0o600)
        ran = run_as_stranger("scan", tree, home=home)
        assert ran.code == 3
        advice = sys.platform == "darwin"  # what permissions are kept from there is told once more
        assert len(ran.err.splitlines()) == 3 + advice
        assert b"\x1b" not in ran.stderr + ran.stdout


# Progress ----------------------------------------------------------------------------------------


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A tree with a hole that takes long enough to read for a bar to be drawn."""
    tree = make_tree(tmp_path / "slow", {"a": "x", "b": "x"})
    with open(tree / "large", "wb") as file:
        file.truncate(640 << 20)
    return tree


def test_progress_is_for_terminals(tree: Path, vault: Path) -> None:
    for workers in ("0", "2"):
        assert run("scan", tree, "--workers", workers, vault=vault).stderr == b""
    ran = on_terminal("scan", tree, vault=vault)
    assert b"Combing" in ran.stderr
    assert b"Combing" not in ran.stdout
    assert on_terminal("scan", tree, "--no-progress", vault=vault).stderr == b""


def test_progress_says_nothing_of_what_is_not_counted(tree: Path, vault: Path) -> None:
    assert run("scan", tree, vault=vault).code == 0
    shown = run("dedupe", "--progress", vault=vault)
    assert "Planning [" in shown.err and "0.00" not in shown.err and "?B/s" not in shown.err


def test_progress_when_it_is_asked_for(tree: Path, vault: Path) -> None:
    plain = run("scan", tree, "--json", vault=vault)
    ran = run("scan", tree, "--json", "--progress", vault=vault)
    assert b"Combing" in ran.stderr
    assert set(ran.json()) == set(plain.json()), "something else stands on stdout"


@pytest.mark.parametrize("columns", [80, 30, 0])
def test_progress_stays_on_its_line(columns: int, slow: Path, vault: Path) -> None:
    """The bar says what it is about, never takes a second line, and wipes itself away.

    So it does on a terminal without a size, as serial lines and script(1) have it.
    """
    ran = on_terminal("scan", slow, columns=columns, vault=vault)
    assert ran.code == 0
    assert ran.stderr.count(b"\n") == 0
    assert ran.stderr.rpartition(b"\r")[2].strip() == b""
    frames = [frame for frame in ran.stderr.decode().split("\r") if frame.strip()]
    assert len(frames) >= 3
    for frame in frames:
        assert width_of(frame.rstrip()) <= (columns or 80)
        assert columns == 30 or frame.startswith(("Combing", "Comparing", "Reading", "Stamping")), (
            frame
        )


# Pipes that close --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tree with 1500 groups, and a vault that knows it."""
    folder = tmp_path_factory.mktemp("many")
    half: Tree = {f"{number:04}": f"{number}" for number in range(1500)}
    tree = make_tree(folder / "tree", {"a": half, "b": half})
    scan(folder / "vault", tree)
    return tree, folder / "vault"


@pytest.mark.parametrize(
    "arguments",
    [
        ("dupes", "--limit", "0"),
        ("dupes", "--json"),
        ("dupes", "--csv"),
        ("dupes", "--format", "fdupes"),
        ("status", "--json"),
        ("scan", "TREE"),
        ("scan", "TREE", "--json"),
        ("scan", "--help"),
        ("completion", "bash"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_goes(
    arguments: tuple[str, ...], reader: str, many: tuple[Path, Path]
) -> None:
    """Neither a traceback nor a code that says something was found."""
    tree, vault = many
    words = [str(tree) if word == "TREE" else word for word in arguments]
    script = f'{{ "$@"; echo "code $?" >&2; }} | {{ {reader}; }}'
    done = subprocess.run(
        shell(script, *words), env=environment(vault), capture_output=True, timeout=30
    )
    assert done.stderr == b"code 0\n"


def test_a_terminal_that_goes_away(tree: Path, vault: Path) -> None:
    """A window that is closed during a scan: what was read is kept, the next one goes on."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("scan", tree), env=environment(vault), stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.close(ours)
    assert process.wait(30) is not None
    assert run("scan", tree, vault=vault).code == 0
