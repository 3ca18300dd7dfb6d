"""A path is bytes under every locale: what is found there is told as it is, and can be named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.json_paths import path_from_json
from tests.support.run import Argument, Ran, environment, run

UTF8, LATIN, EUC = "été.txt".encode(), "café.txt".encode("latin-1"), "日本.txt".encode("euc-jp")
NAMES = (UTF8, LATIN, EUC)
LOCALES = {
    "latin": ("en_US", "ISO-8859-1"),
    "euc": ("ja_JP", "EUC-JP"),
    "C": None,  # with no UTF-8 mode of Python's own: ASCII
}


@pytest.fixture(scope="module", params=LOCALES)
def variables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = LOCALES[request.param]
    common = {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    if made is None:
        return {**common, "LC_ALL": "C"}
    if shutil.which("localedef") is None:
        pytest.skip("MISSING: localedef, to make a locale that is not UTF-8: apt install locales")
    folder = tmp_path_factory.mktemp("locales")
    for source in (made[0], "POSIX"):  # in an image without the sources of languages
        words = ["localedef", "-c", "-i", source, "-f", made[1], str(folder / "of.this")]
        subprocess.run(words, capture_output=True)
    if not (folder / "of.this/LC_CTYPE").exists():
        pytest.skip(f"MISSING: the character map {made[1]}, for a locale: apt install locales")
    return {**common, "LOCPATH": str(folder), "LC_ALL": "of.this"}


def test_names_are_told_as_they_are_and_can_be_named(tmp_path: Path, variables: Any) -> None:
    env = environment(tmp_path / "vault", HOME=str(tmp_path), **variables)
    probe = "import sys; print(sys.getfilesystemencoding())"
    encoding = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True).stdout
    assert encoding != b"utf-8\n"
    top = os.fsencode(tmp_path / "drive")
    for folder in (b"", b"sub/"):
        os.makedirs(os.path.join(top, folder), exist_ok=True)
        for name in NAMES:
            with open(os.path.join(top, folder + name), "wb") as file:
                file.write(name * 40)
            os.utime(file.name, ns=(10**18, 10**18))

    def fine(*arguments: Argument) -> Ran:
        ran = run(*arguments, env=env)
        assert ran.code in (0, 3), ran
        return ran

    scan = json.loads(fine("scan", top, "--json").stdout.decode("utf-8"))
    assert (scan["files"], scan["unreadable"]) == (6, [])
    groups = json.loads(fine("dupes", "--json").stdout.decode("utf-8"))["groups"]
    told = {path_from_json(file) for group in groups for file in group["files"]}
    assert told == {os.path.join(top, folder + name) for folder in (b"", b"sub/") for name in NAMES}
    assert UTF8 in fine("dupes").stdout
    path = os.path.join(top, EUC)
    assert path_from_json(json.loads(fine("explain", path, "--json").stdout)) == path
    plan = tmp_path / "plan.jsonl"
    fine("dedupe", "--plan", "-o", plan, "--protect", os.path.join(top, b"sub", LATIN))
    fine("dedupe", "--apply", plan)
    left = {name for name in NAMES if os.path.exists(os.path.join(top, b"sub", name))}
    assert left in ({LATIN}, set(NAMES))
    fine("dedupe", "--undo")
    assert all(os.path.exists(os.path.join(top, b"sub", name)) for name in NAMES)


def test_an_output_that_takes_little(tmp_path: Path) -> None:
    (tmp_path / "日本").mkdir()
    env = environment(tmp_path / "vault", PYTHONIOENCODING="latin-1")
    ran = run("scan", tmp_path / "日本", env=env)
    assert ran.code == 0, ran
    assert rb"\u65e5\u672c: 0 files" in ran.stdout
