"""Reads the imports of a package and says which of them go against the direction of its layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PACKAGE = "gorillacomb"
LEVELS = (
    {"cli", "web"},
    {"api"},
    {"jobs", "drop", "tokens", "scrolls", "mesh"},
    {"watch"},
    {"dedupe", "stamping"},
    {"folders"},
    {"unique", "scan", "canonical", "manifest"},
    {"index", "vaultmesh"},
    {"vault", "classify", "marks"},
    {"fs", "workers"},
    {"clock", "model", "errors", "log", "progress", "hashing", "sqlite", "json_paths"},
)
"""The rooms from the outside in: arrows point down, and no room knows another of its own line."""
INSIDE = {
    "dedupe": (
        {"review", "collapse"},
        {"apply", "plan"},
        {"copies", "compare"},
        {"quarantine", "safety", "repositories"},
        {"roots", "folder_pairs", "plan_file"},
        {"model"},
        {"proof", "not_brought"},
    ),
}
"""The same within a room that has rooms of its own."""
FACES = {"cli", "web"}
BENEATH_FACES = {"api", "model", "errors", "progress"}
"""All that a face of the program may know."""
STARTS_THE_SERVER = ("cli/commands/serve/", "cli/html_file")
"""Where alone the command line knows `web`, which it otherwise stands beside: it starts the server,
and writes a page of it to a file."""
FRONT_DOOR = "importlib.import_module(f'{__name__}.{_PLACES[name]}')"
"""How the package itself imports a public name when it is used."""
HOMES = {
    "click": "cli/",
    "anyio": "web/",
    "fastapi": "web/",
    "starlette": "web/",
    "pydantic": "web/",
    "uvicorn": "web/",
    "h11": "web/",
    "jinja2": "web/",
    "jwt": "tokens/",
    "license_expression": "scrolls/",
    "dns": "mesh/",
    "urllib3": "mesh/",
    "tqdm": "cli/",
    "watchdog": "watch/",
    "xxhash": "hashing.py",
    "blake3": "hashing.py",
    "pathspec": "scan/exclude.py",
    "sqlite3": "sqlite.py",
    "sqlite_utils": "index/schema.py",
    "orjson": "vaultmesh/jcs.py",
    "dulwich": "dedupe/safety/git.py",
    "cryptography": "vaultmesh/keys/",
    "securesystemslib": "manifest/envelope.py",
}
"""Where alone a library is known."""
FORBIDDEN = {"pysqlite3", "sqlean", "apsw", "_sqlite3"}
"""A second SQLite in a process drops the locks of the first."""
# fmt: off
CHANGING = frozenset({
    "chmod", "chown", "fchmod", "fsync", "ftruncate", "lchown", "link", "mkdir",
    "makedirs", "move", "remove", "removedirs", "removexattr", "rename", "renames",
    "replace", "rmdir", "rmtree", "setxattr", "symlink", "symlink_to", "truncate",
    "unlink", "utime", "write_bytes", "write_text",
})
# fmt: on
"""Calls that change the disk: where users' files are dealt with, one module alone has them."""
USERS_FILES = (
    *("canonical/", "classify/", "dedupe/", "drop/", "folders/", "scan/", "stamping/", "unique/"),
    "watch/",
    *("fs/block_device", "fs/comparison", "fs/location", "fs/mounts", "fs/openat", "fs/paths"),
    "fs/volumes",
)
CHANGES = "fs/mutations.py"
SHELLS = {"subprocess", "pty", "multiprocessing.popen"}
RUNS = {
    *("watch/triggers.py", "dedupe/repositories/git_program.py"),
    *("jobs/start.py", "jobs/supervisor.py"),
    "fs/darwin/disk_kind.py",
}
"""The modules that run programs: those that the user names, git, our own commands, and the one that
tells kinds of disks on macOS."""
OUTPUT = {("sys", "stdout"), ("sys", "stderr"), ("sys", "__stdout__"), ("sys", "__stderr__")}


def sources(package: Path) -> dict[str, str]:
    """The modules of a package: text by path relative to it."""
    return {
        path.relative_to(package).as_posix(): path.read_text("utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def breaches(modules: Mapping[str, str]) -> list[str]:
    """Every import and every output that stands where it may not, in words."""
    found = []
    for path, text in modules.items():
        tree = ast.parse(text)
        for name, line in imports(path, tree):
            cause = wrong_import(path, name)
            if cause:
                found.append(f"{path}:{line}: {cause}")
        if path.startswith(USERS_FILES) and path != CHANGES:
            found += [f"{path}:{line}: {what}" for what, line in changes(tree)]
        if not path.startswith("cli/"):
            found += [f"{path}:{line}: {what}" for what, line in outputs(tree)]
    return found


def imports(path: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The full names of all that a module imports, wherever in it, with their lines."""
    package = [PACKAGE, *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "importlib.import_module",
            "import_module",
            "__import__",
        ):
            yield from _imported_by_call(node)


def _imported_by_call(node: ast.Call) -> Iterator[tuple[str, int]]:
    name = node.args[0] if node.args else None
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        yield name.value, node.lineno
    elif isinstance(name, ast.JoinedStr) and isinstance(name.values[0], ast.Constant):
        yield str(name.values[0].value).rstrip("."), node.lineno
    elif ast.unparse(node) != FRONT_DOOR:
        yield "a name that is made up at run time", node.lineno


def wrong_import(path: str, name: str) -> str | None:
    """Why a module may not import a name; None when it may."""
    top, *rest = name.split(".")
    if top == "a name that is made up at run time":
        return f"imports {name}"
    if (name in SHELLS or name.split(".")[0] in SHELLS) and path not in RUNS:
        return f"imports {top}, which runs other programs"
    if top in FORBIDDEN:
        return f"imports {top}, a second SQLite"
    if top in HOMES and not path.startswith(HOMES[top]):
        return f"imports {top}, which belongs to {HOMES[top]}"
    if top != PACKAGE or not rest:
        return None
    if path == "__main__.py" and rest[0] == "cli":
        return None
    if path == "__init__.py" and rest[0] in BENEATH_FACES:
        return None
    if path.startswith(STARTS_THE_SERVER) and rest[0] == "web":
        return None
    ours = path.removesuffix(".py").split("/")
    if rest[0].startswith("__") or rest[0] == ours[0]:
        return _wrong_arrow(INSIDE.get(ours[0], ()), ours[1:], rest[1:], f"{ours[0]}/")
    if ours[0] in FACES and rest[0] in set().union(*LEVELS) - BENEATH_FACES:
        return f"{ours[0]} may not import {rest[0]}, only {', '.join(sorted(BENEATH_FACES))}"
    return _wrong_arrow(LEVELS, ours, rest, "")


def _wrong_arrow(
    levels: Sequence[set[str]], ours: Sequence[str], theirs: Sequence[str], above: str
) -> str | None:
    """Why a part at ``ours`` may not know one at ``theirs``, in a room with these levels."""
    if not levels or not ours or not theirs or ours[0] == theirs[0]:
        return None
    from_level, to_level = level(levels, ours[0]), level(levels, theirs[0])
    if to_level is None:
        return f"imports {PACKAGE}.{above}{theirs[0]}, which has no place among the layers"
    if from_level is None:
        return f"{above}{ours[0]} imports {theirs[0]} and has no place among the layers"
    if from_level < to_level:
        return None
    return f"{above}{ours[0]} may not import {above}{theirs[0]}"


def level(levels: Sequence[set[str]], part: str) -> int | None:
    """How far in a part stands; None for one that is not known."""
    return next((number for number, parts in enumerate(levels) if part in parts), None)


def changes(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What a module changes the disk with, and the lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in CHANGING and owner in ("os", "shutil"):
                yield f"calls {owner}.{node.func.attr}, which belongs to {CHANGES}", node.lineno
            if owner == "os" and node.func.attr in ("system", "popen", "execv", "spawnv"):
                yield f"calls os.{node.func.attr}, which runs other programs", node.lineno


def outputs(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What a module prints with, and the lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield "prints", node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in OUTPUT:
                yield f"uses {node.value.id}.{node.attr}", node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            for alias in node.names:
                if ("sys", alias.name) in OUTPUT:
                    yield f"uses sys.{alias.name}", node.lineno
