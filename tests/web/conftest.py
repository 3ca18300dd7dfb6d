"""A home and a server for each module: starting one for each test takes too long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import use_home
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree


@pytest.fixture(scope="module", autouse=True)
def own_home() -> Iterator[Path]:
    """As that of all tests, for a whole module."""
    with in_memory() as folder, pytest.MonkeyPatch.context() as patch:
        home = folder / "home"
        home.mkdir()
        use_home(home, patch)
        yield home


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders with the same files, and two files whose names are no text and a formula."""
    copy: Tree = {f"f{n}": f"{n}" * (100 + n) for n in range(7)}
    odd: Tree = {b"odd\xff": "x" * 300, "=odd": "x" * 300}
    return make_tree(tmp_path_factory.mktemp("web") / "tree", {"copy0": copy, "copy1": copy, **odd})


@pytest.fixture(scope="module")
def running(tree: Path) -> Iterator[Server]:
    """A server whose vault has that tree."""
    with in_memory() as folder:
        assert run("scan", tree, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


@pytest.fixture
def server(running: Server) -> Server:
    """The module's server, with a session that works."""
    if running.get("/api/v1/sessions").status != 200:
        running.log_in()
    return running
