"""Paths and options that cannot be: one clear line, exit code 2, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.homes import config_folder
from tests.support.run import Argument, environment, refused, run, shell
from tests.support.stranger import ground, run_as_stranger
from tests.support.trees import Link, make_tree, rows_in_index, scan


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", {"a": "one", "b": {"c": "one"}})


def test_a_path_that_is_not_there(tmp_path: Path, vault: Path) -> None:
    refused(run("scan", tmp_path / "nix", vault=vault), 2, str(tmp_path / "nix"), "does not exist")
    assert not vault.exists()


def test_one_missing_path_among_good_ones_stops_the_scan_before_it_starts(
    tree: Path, tmp_path: Path, vault: Path
) -> None:
    refused(run("scan", tree, tmp_path / "nix", vault=vault), 2, str(tmp_path / "nix"))
    assert not vault.exists()


def test_a_file_in_place_of_a_folder(tree: Path, vault: Path) -> None:
    refused(run("scan", tree / "a", vault=vault), 2, str(tree / "a"), "is a file, not a folder")


def test_a_link_that_leads_nowhere(tmp_path: Path, vault: Path) -> None:
    make_tree(tmp_path, {"link": Link("nowhere")})
    refused(run("scan", tmp_path / "link", vault=vault), 2, str(tmp_path / "link"))


def test_a_loop_of_links(tmp_path: Path, vault: Path) -> None:
    make_tree(tmp_path, {"link": Link("link")})
    refused(run("scan", tmp_path / "link", vault=vault), 2, str(tmp_path / "link"))


def test_a_path_longer_than_paths_can_be(tmp_path: Path, vault: Path) -> None:
    refused(run("scan", f"{tmp_path}/{'x/' * 3000}", vault=vault), 2, "cannot be read")


def test_a_folder_that_may_not_be_read() -> None:
    with ground() as home:
        closed = make_tree(home / "closed", {"file": "x"})
        closed.chmod(0o700)  # root's
        refused(
            run_as_stranger("scan", closed, home=home),
            2,
            f"{closed} cannot be read: permission denied",
        )


def test_a_folder_below_one_that_may_not_be_entered() -> None:
    with ground() as home:
        closed = make_tree(home / "closed", {"inner": {"file": "x"}})
        closed.chmod(0o700)  # root's
        refused(run_as_stranger("scan", closed / "inner", home=home), 2, "permission denied")


def test_no_path_at_all(vault: Path) -> None:
    refused(run("scan", vault=vault), 2, "No folder has been scanned yet")


def test_an_empty_path_is_not_the_current_folder(tree: Path, vault: Path) -> None:
    """As ``scan "$UNSET"`` gives it."""
    refused(run("scan", "", vault=vault, cwd=tree), 2)
    assert not vault.exists()


def test_a_current_folder_that_was_deleted(tmp_path: Path, vault: Path) -> None:
    words = shell('mkdir "$PWD/gone" && cd "$PWD/gone" && rmdir "$PWD" && exec "$@"', "scan", ".")
    refused(run(words=words, vault=vault, cwd=tmp_path), 2)


def test_a_path_inside_the_vault(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    make_tree(vault / "inside", {"file": "x"})
    for path in (vault, vault / "inside"):
        refused(run("scan", path, vault=vault), 2, str(path), "inside the vault itself")
    assert {os.fsdecode(path) for path in rows_in_index(vault)} == {
        str(tree / "a"),
        str(tree / "b/c"),
    }


def test_a_link_into_the_vault(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    make_tree(tree, {"into": Link(str(vault))})
    refused(run("scan", tree / "into", vault=vault), 2, "inside the vault itself")


def test_a_folder_around_the_vault_is_scanned_without_it(tree: Path) -> None:
    vault = tree / "b" / "vault"
    for _ in range(2):
        assert run("scan", tree, vault=vault).code == 0
    found = {os.fsdecode(path) for path in rows_in_index(vault)}
    assert found == {str(tree / "a"), str(tree / "b/c")}


def test_explain_and_dupes_of_the_vault_itself(tree: Path) -> None:
    vault = tree / "vault"
    scan(vault, tree)
    for name in ("explain", "dupes"):
        refused(run(name, vault / "index.db", vault=vault), 2, str(vault / "index.db"))
        refused(run(name, vault, vault=vault), 2, str(vault))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bogus",),
        ("bogus",),
        ("scan", "--bogus", "PATH"),
        ("scan", "--workers", "-1", "PATH"),
        ("scan", "--workers", "two", "PATH"),
        ("scan", "--min-size", "much", "PATH"),
        ("scan", "--min-size", "-1", "PATH"),
        ("scan", "--min-size", "", "PATH"),
        ("scan", "--min-size", "99999PB", "PATH"),
        ("scan", "--min-size", "9" * 400, "PATH"),
        ("scan", "--hydrate", "--hydrate-limit", "much", "PATH"),
        ("scan", "--exclude", "!", "PATH"),
        ("scan", "--exclude", "/", "--exclude", "!", "PATH"),
        ("scan", "--files-from", "PATH/nix", "PATH"),
        ("scan", "--files-from", "PATH", "PATH"),
        ("status", "surplus"),
        ("dupes", "--limit", "-1"),
        ("dupes", "--limit", "many"),
        ("dupes", "--format", "xml"),
        ("dupes", "one", "two"),
        ("dupes", "--min-size", "much"),
        ("explain",),
        ("explain", "one", "two"),
        ("roots", "bogus"),
        ("roots", "forget"),
        ("completion",),
        ("completion", "tcsh"),
    ],
)
def test_wrong_usage_gets_one_line(
    arguments: tuple[str, ...], tree: Path, tmp_path: Path, vault: Path
) -> None:
    given: list[Argument] = [word.replace("PATH", str(tree)) for word in arguments]
    refused(run(*given, vault=vault, cwd=tmp_path), 2)
    assert not (vault / "index.db").exists() or not rows_in_index(vault)


@pytest.mark.parametrize("size", ["5", "5B", "5kB", "1.5 MiB", "2GiB", "8PB"])
def test_sizes_that_are_right(size: str, tree: Path, vault: Path) -> None:
    assert run("scan", "--min-size", size, tree, vault=vault).code == 0


def test_a_limit_beyond_all_numbers_shows_them_all(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    ran = run("dupes", "--limit", "9" * 30, vault=vault)
    assert ran.code in (0, 2)
    if ran.code == 0:
        assert str(tree / "a") in ran.out


def test_a_bad_pattern_is_not_remembered(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    refused(run("scan", "--exclude", "!", tree, vault=vault), 2, "'!'")
    assert run("scan", tree, vault=vault).code == 0
    assert run("roots", "list", "--json", vault=vault).json()["roots"][0]["exclude"] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"exclude = [", "config.toml"),
        (b"\xff\xfe", "config.toml"),
        (b"exclude = 'x'", "exclude must be a list of strings"),
        (b"exclude = [1]", "exclude must be a list of strings"),
        (b"min-size = 'much'", "'much' is not a size"),
        (b"min-size = -1", "'-1' is not a size"),
        (b"min-size = '99999PB'", "99999PB"),
        (b"workers = 'two'", "workers must be a whole number"),
        (b"workers = -1", "workers must be a whole number"),
        (b"prefer = {}", "prefer must be a list of strings"),
        (b"prefer = ['~']\ncolour = 'red'", "no setting 'colour'"),
    ],
)
def test_a_bad_config(text: bytes, word: str, tree: Path, vault: Path) -> None:
    scan(vault, tree)
    config = config_folder(Path(os.environ["HOME"])) / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_bytes(text)
    refused(run("scan", tree, vault=vault), 2, str(config), word)
    refused(run("status", vault=vault), 2, str(config), word)
    assert len(rows_in_index(vault)) == 2


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_bad_pattern_in_the_config(workers: str, tree: Path, vault: Path) -> None:
    """It is found before any worker starts, and the file that it stands in is named."""
    config = config_folder(Path(os.environ["HOME"])) / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("exclude = ['!']\n")
    refused(run("scan", "--workers", workers, tree, vault=vault), 2, "'!'")


def test_a_config_that_is_a_folder(tree: Path, vault: Path) -> None:
    config = config_folder(Path(os.environ["HOME"])) / "config.toml"
    config.mkdir(parents=True)
    refused(run("scan", tree, vault=vault), 2, str(config))


@pytest.mark.parametrize("name", ["explain", "dupes"])
def test_paths_that_no_scan_has_seen(name: str, tree: Path, tmp_path: Path, vault: Path) -> None:
    scan(vault, tree)
    for path in (tree / "b/nix/nix", tmp_path):
        refused(run(name, path, vault=vault), 2, str(path))


def test_more_workers_than_the_system_gives(tree: Path, vault: Path) -> None:
    words = shell('ulimit -n 24; exec "$@"', "scan", "--workers", "64", tree)
    ran = run(words=words, vault=vault)
    assert ran.code in (2, 3)
    refused(ran, ran.code)
    assert run("scan", tree, vault=vault).code == 0


def test_a_closed_stdout_and_a_closed_stderr(tree: Path, vault: Path) -> None:
    for redirection in (">&-", "2>&-", ">&- 2>&-", "<&-"):
        for arguments in (("scan", tree), ("dupes", "--json"), ("scan", "--bogus")):
            ran = run(words=shell(f'exec "$@" {redirection}', *arguments), vault=vault)
            assert ran.code == (2 if "--bogus" in arguments else 0)


@pytest.mark.parametrize("arguments", [("status",), ("dupes", "--format", "fdupes")])
def test_a_stdout_that_takes_nothing(arguments: tuple[str, ...], tree: Path, vault: Path) -> None:
    scan(vault, tree)
    ran = run(words=shell('exec "$@" >/dev/full', *arguments), vault=vault)
    assert "o space left on device" in ran.err
    assert ran.code not in (0, 120)
    assert len(ran.err.splitlines()) <= 2


def test_a_home_that_nobody_has(tree: Path) -> None:
    ran = run("scan", tree, env=environment(GORILLACOMB_VAULT="~nobody-has-this-name/vault"))
    assert ran.code in (2, 4)
    refused(ran, ran.code)
