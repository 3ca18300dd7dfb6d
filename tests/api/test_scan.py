"""Scans by the public API: what they return, and that a callback may stop one."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from gorillacomb.api.scan import ScanFindings
from gorillacomb.progress import NullProgress, ProgressEvent
from tests.support.run import run
from tests.support.trees import age_digests, make_tree, settle

_SMALL = 120
_LARGE = 3


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Small files in a few folders, which are read as they are met, and large ones read later."""
    top = make_tree(
        tmp_path / "tree",
        {
            f"folder {folder}": {f"{file}": f"{folder} {file}" for file in range(_SMALL // 4)}
            for folder in range(4)
        },
    )
    for number in range(_LARGE):
        (top / f"large {number}").write_bytes(b"%d" % number * 2_000_000)
    settle(top)
    return top


def again(opened: gorillacomb.OpenVault, tree: Path) -> gorillacomb.ScanResult:
    """Scan once more, when what was read just now is no longer too young to be trusted."""
    age_digests(opened.path)
    return opened.scan(tree, workers=0)


def test_a_scan_is_as_the_command_reports_it(tree: Path, vault: Path, tmp_path: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        document: dict[str, Any] = {**opened.scan([tree], exclude=["*.tmp"]).to_dict()}
    ran = run("scan", tree, "--exclude", "*.tmp", "--json", vault=tmp_path / "other").json()
    for each in (document, ran):
        each["seconds"] = each["roots"][0]["root"] = None
    assert document == ran


@pytest.mark.parametrize("form", [str, os.fsencode, Path, lambda path: [path, path]])
def test_one_path_or_several(form: Any, tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        assert opened.scan(form(tree)).report.files == _SMALL + _LARGE


@pytest.mark.parametrize("error", [gorillacomb.Interrupted, KeyboardInterrupt])
def test_a_callback_stops_a_scan_and_what_was_read_is_kept(
    error: type[BaseException], tree: Path, vault: Path
) -> None:
    """The large files are compared when all small ones are read: a new stage is always shown."""

    def stop(event: ProgressEvent) -> None:
        if event.stage == "Comparing large files":
            raise error("enough")

    with gorillacomb.open_vault(vault) as opened:
        with pytest.raises(gorillacomb.Interrupted):
            opened.scan(tree, progress=stop, workers=0)
        report = again(opened, tree).report
    assert (report.files, report.hashed_files) == (_SMALL + _LARGE, _LARGE)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_scan_stops_in_the_middle_of_a_stage(workers: int, tree: Path, vault: Path) -> None:
    class Stop(NullProgress):
        files = 0

        def advance(self, files: int, size: int) -> None:
            self.files += files
            if self.files > _SMALL // 4:
                raise gorillacomb.Interrupted("Enough was read.")

    with gorillacomb.open_vault(vault) as opened:
        with pytest.raises(gorillacomb.Interrupted, match=r"Enough was read\."):
            opened.scan(tree, progress=Stop(), workers=workers)
        report = again(opened, tree).report
    assert report.files == _SMALL + _LARGE
    assert report.hashed_files <= _SMALL + _LARGE - _SMALL // 4


@pytest.mark.parametrize("callback", ["progress", "on_findings"])
@pytest.mark.parametrize("kind", [ValueError, AttributeError, OSError])
def test_an_error_of_a_callback_is_raised_as_it_is(
    kind: type[Exception], callback: str, tree: Path, vault: Path
) -> None:
    """Not as a damaged index, and what was read is kept here too."""

    def fail(event: object) -> None:
        if not isinstance(event, ProgressEvent) or event.stage == "Comparing large files":
            raise kind("a fault in the caller's code")

    with gorillacomb.open_vault(vault) as opened:
        with pytest.raises(kind, match="a fault in the caller's code"):
            opened.scan(tree, workers=0, **{callback: fail})  # type: ignore[arg-type]
        assert again(opened, tree).report.hashed_files == _LARGE


def test_the_findings_come_before_the_rest_is_read(tree: Path, vault: Path) -> None:
    make_tree(tree, {"copy": "0 0"})
    found: list[ScanFindings] = []
    with gorillacomb.open_vault(vault) as opened:
        result = opened.scan(tree, on_findings=found.append, workers=0)
    (findings,) = found
    assert findings.totals == result.totals
    (group,) = findings.largest
    assert (group.summary.copies, group.is_shared, group.name) == (2, False, b"0")
    assert findings.report.hashed_files <= result.report.hashed_files


def test_what_cannot_be_read_is_in_the_result(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        opened.scan(tree)
        assert again(opened, tree).is_complete
        result = opened.scan(tree, file_list=[tree / "missing", tree / "folder 1/1"])
    assert [each.path for each in result.report.junk] == [os.fsencode(tree / "missing")]
    assert not result.is_complete
    assert result.warnings == ()


def test_a_root_that_lost_its_files_is_a_warning(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        opened.scan(tree)
        for number in range(4):
            for file in (tree / f"folder {number}").iterdir():
                file.unlink()
        result = opened.scan(tree)
    (warning,) = result.warnings
    assert str(tree) in warning and "--accept-loss" in warning
    assert not result.is_complete


def test_quick_and_rehash_exclude_each_other(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened, pytest.raises(gorillacomb.UsageError):
        opened.scan(tree, quick=True, rehash=True)
    assert run("scan", tree, "--quick", "--rehash", vault=vault).code == 2


def test_an_empty_list_of_paths_is_refused(vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        with pytest.raises(gorillacomb.UsageError, match="list of paths is empty"):
            opened.scan([])
        assert not vault.exists()


def test_scans_are_logged(tree: Path, vault: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gorillacomb"), gorillacomb.open_vault(vault) as opened:
        opened.scan(tree)
    texts = [each.getMessage() for each in caplog.records if each.name == "gorillacomb"]
    assert texts == [f"Scanning {tree}", "Scanned 123 files, read 123 of them"]
    assert logging.getLogger("gorillacomb").handlers, "no handler, and warnings go to stderr"


@pytest.mark.parametrize("workers", [0, 2])
def test_one_thread_scans_while_others_ask(workers: int, tree: Path, vault: Path) -> None:
    """Callbacks come in the thread that scans; another scan is refused while it writes."""
    callers: set[int] = set()
    answers: list[object] = []

    with gorillacomb.open_vault(vault) as opened, ThreadPoolExecutor(1) as threads:
        opened.scan(tree, workers=0)

        def found(_: ScanFindings) -> None:
            callers.add(threading.get_ident())
            answers.append(threads.submit(lambda: len(list(opened.duplicates()))).result())
            answers.append(threads.submit(lambda: opened.scan(tree, workers=0)).exception())

        result = opened.scan(tree, rehash=True, workers=workers, on_findings=found)
        assert threads.submit(lambda: opened.scan(tree, workers=workers).files).result()
    assert result.read_files == _SMALL + _LARGE
    assert callers == {threading.get_ident()}
    assert answers[0] == 0
    assert isinstance(answers[1], gorillacomb.VaultLocked)
