"""Parse the paths that files refer to: git, Python environments, local packages, services.

Each row of `_FORMATS` is one kind of file. Content is untrusted: it is given as a bounded number of
bytes, and what cannot be parsed refers to nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

LARGEST: Final = 1 << 20
"""How many bytes of a file are parsed."""
SCRIPT_HEAD: Final = 4096
"""How many bytes of a script `parse_script` looks at."""
_MOST = 1000
"""Maximum number of paths per file."""


class MentionedPath(NamedTuple):
    """A path that a file refers to."""

    path: bytes
    """As written: absolute, relative to the folder of the file, or below ``~/``."""
    line: int
    """Line number, from 1."""
    above: int = 0
    """How many levels above the path the folder is that is needed as a whole."""
    is_place: bool = False
    """Whether it must be there, but may lose parts of what it contains: backups name Documents."""


ReferenceParser = Callable[[bytes], Iterator[MentionedPath]]


def mentioned_paths(parse: ReferenceParser, content: bytes) -> list[MentionedPath]:
    """Return the paths that a file refers to, by a parser of this module.

    Empty if it is malformed.
    """
    found = []
    try:
        for each in parse(content.removeprefix(b"\xef\xbb\xbf")):
            if each.path and b"\0" not in each.path:
                found.append(each)
            if len(found) == _MOST:
                break
    except (ValueError, RecursionError):
        return []  # not what its name suggests
    return found


def reference_parser(path: bytes) -> ReferenceParser | None:
    """Return the parser for an absolute path; None if the file is not of a known kind.

    Scripts of an environment may have any name: see `parse_script`.
    """
    return next((row.parse for row in _FORMATS if row.where.search(path)), None)


def is_activation(name: bytes) -> bool:
    """Return whether an environment's file of this name sets its variables (``activate*``)."""
    return name.startswith(b"activate")


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    return ((at, line.strip()) for at, line in enumerate(content.splitlines(), 1))


def _git_file(content: bytes) -> Iterator[MentionedPath]:
    match = re.match(rb"gitdir:[ \t]*([^\r\n]+)", content)
    if match is not None:
        parts = match[1].rstrip(b"/").split(b"/")
        of_worktree = len(parts) > 2 and parts[-2] == b"worktrees"
        yield MentionedPath(match[1], 1, 2 if of_worktree else 0)


def _worktree_place(content: bytes) -> Iterator[MentionedPath]:
    # The worktree's `.git` file; the whole worktree is needed.
    yield MentionedPath(content.partition(b"\n")[0].rstrip(b"\r"), 1, 1)


def _only_line(content: bytes) -> Iterator[MentionedPath]:
    yield MentionedPath(content.partition(b"\n")[0].rstrip(b"\r"), 1)


def _alternates(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        path = _unquoted(line)
        if path and not line.startswith(b"#"):
            # Relative to `objects`, not to `objects/info`, which contains the file.
            yield MentionedPath(path if path.startswith(b"/") else b"../" + path, at)


def _unquoted(text: bytes) -> bytes:
    """Remove the quotes around a git value and resolve the escapes in it."""
    if not text.startswith(b'"'):
        return text
    match = re.match(rb'"((?:[^"\\]|\\.)*)', text)
    return re.sub(rb"\\(.)", rb"\1", match[1]) if match else text


def _git_config(content: bytes) -> Iterator[MentionedPath]:
    in_core = in_remote = False
    for at, line in _lines(content):
        section = re.match(rb"\[([^\]]*)\]\s*", line)
        if section is not None:
            in_core = section[1].strip().lower() == b"core"
            in_remote = section[1].lstrip().lower().startswith(b"remote ")
            line = line[section.end() :]
        key, equals, value = line.partition(b"=")
        if in_core and equals and key.strip().lower() == b"worktree":
            value = value.strip()
            bare = value if value.startswith(b'"') else re.split(rb"\s*[#;]", value, maxsplit=1)[0]
            yield MentionedPath(_unquoted(bare), at)
        elif in_remote and equals and key.strip().lower() in (b"url", b"pushurl"):
            path = _unquoted(value.strip()).removeprefix(b"file://")
            if path.startswith(b"/"):
                yield MentionedPath(path, at)


_EXECUTABLES = frozenset({b"executable", b"base-executable"})
_PREFIXES = frozenset({b"base-prefix", b"base-exec-prefix"})
_COMMAND = re.compile(rb"(/.*?) -m (?:venv|virtualenv)\b(?:.*? (/.*))?")
_BINARIES = frozenset({b"bin", b"Scripts"})


def _pyvenv(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        key, _, value = line.partition(b"=")
        key, value = key.strip().lower(), value.strip()
        if key == b"home":
            in_prefix = value.rstrip(b"/").rpartition(b"/")[2] in _BINARIES
            yield MentionedPath(value.rstrip(b"/"), at, int(in_prefix))
        elif key in _EXECUTABLES:
            yield _program(value, at)
        elif key in _PREFIXES:
            yield MentionedPath(value, at)
        elif key == b"command" and (match := _COMMAND.match(value)):
            yield _program(match[1], at)
            if match[2]:
                yield MentionedPath(match[2], at)


def _program(path: bytes, line: int) -> MentionedPath:
    """Return the path of a program in a ``bin``: the folder that contains ``bin`` is needed too."""
    folders = path.split(b"/")[:-1]
    in_prefix = len(folders) > 2 and folders[-1] in _BINARIES
    return MentionedPath(path, line, 2 if in_prefix else 0)


_VARIABLE = re.compile(
    rb"""\bVIRTUAL_ENV["']?[ \t]*[= \t][ \t]*(?:"([^"]+)"|'([^']+)'|(/[^\s;"']*))""", re.IGNORECASE
)


def _activation(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        for match in _VARIABLE.finditer(line):
            path = match[1] or match[2] or match[3]
            if path.startswith(b"/"):
                yield MentionedPath(path, at)


_SHEBANG = re.compile(rb"#![ \t]*(/\S+)")
_LAUNCHER = re.compile(rb"""'''exec' (?:"([^"]+)"|(/\S+))""")


def parse_script(content: bytes) -> Iterator[MentionedPath]:
    """Yield the interpreter of a script.

    If its path is long or contains a space, ``/bin/sh`` starts it from the second line (distlib,
    scripts.py, ``_build_shebang``).
    """
    first, _, rest = content[:SCRIPT_HEAD].partition(b"\n")
    if (match := _SHEBANG.match(first)) is not None:
        yield _program(match[1], 1)
        if (second := _LAUNCHER.match(rest)) is not None:
            yield _program(second[1] or second[2], 2)


def _path_file(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        if not line.startswith((b"#", b"import ", b"import\t")):
            yield MentionedPath(line, at)


def _finder(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        for match in re.finditer(rb"""(?:'(/[^'\\]+)'|"(/[^"\\]+)")""", line):
            yield MentionedPath(match[1] or match[2], at)


def _direct_url(content: bytes) -> Iterator[MentionedPath]:
    document = json.loads(content)
    # An installed archive is not needed any more.
    if isinstance(document, dict) and "dir_info" in document:
        url = document.get("url")
        if isinstance(url, str) and url.startswith("file:"):
            for path in _of_url(url.removeprefix("file:")):
                yield MentionedPath(path, _line_of(content, url))


_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_OVERRIDES = ("overrides", "resolutions", "pnpm")
_LOCAL = ("file:", "link:", "portal:")


def _package(content: bytes) -> Iterator[MentionedPath]:
    document = json.loads(content)
    if not isinstance(document, dict):
        return
    left = [document.get(key) for key in (*_DEPENDENCIES, *_OVERRIDES)]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, str):
            kind = next((each for each in _LOCAL if value.startswith(each)), "")
            if kind or value.startswith(("./", "../", "~/", "/")):
                for path in _of_url(value.removeprefix(kind)):
                    yield MentionedPath(path, _line_of(content, value))


def _of_url(text: str) -> set[bytes]:
    """Return the path after ``file:``, which may be a URL; both readings of a percent sign."""
    if text.startswith("//"):
        text = "/" + text[2:].partition("/")[2]
    raw = text.encode("utf-8", "surrogateescape")
    return {raw, unquote_to_bytes(raw)}


def _line_of(content: bytes, text: str) -> int:
    """Return the line that contains a text of a JSON document; 1 if it is written differently."""
    at = content.find(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogateescape"))
    return content.count(b"\n", 0, max(at, 0)) + 1


_OUTSIDE = rb"(?:\.\./|/|~/)"
"""What a path out of the folder begins with: what is inside is one thing with the file."""
_PATH_VALUE = re.compile(
    rb"""\bpath["']?[ \t]*[=:][ \t]*(?:"(%(out)b[^"]*)"|'(%(out)b[^']*)'|(%(out)b[^\s,}#]*))"""
    % {b"out": _OUTSIDE}
)
_GO_PATH = re.compile(
    rb"""(?:=>[ \t]+|^(?:use[ \t(]+)?)["`]?(%b[^\s"`)]*)""" % _OUTSIDE,
)
_EDITABLE = re.compile(rb"(?:(?:-e|--editable)[ \t=]+)?(?:file:(?://)?)?(%b[^#;]*)" % _OUTSIDE)


def _path_values(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        if not line.startswith(b"#"):
            for match in _PATH_VALUE.finditer(line):
                yield MentionedPath(match[1] or match[2] or match[3], at)


def _go_paths(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        if not line.startswith(b"//") and (match := _GO_PATH.search(line)) is not None:
            yield MentionedPath(match[1], at)


def _requirements(content: bytes) -> Iterator[MentionedPath]:
    for at, line in _lines(content):
        if (match := _EDITABLE.match(line)) is not None:
            yield MentionedPath(match[1].strip(), at)


_TOKEN = re.compile(
    rb""""(%(out)b[^":]*)|'(%(out)b[^':]*)'|(?:^|[\s=:;|&,\[{(@!+"'-])"""
    rb"""((?:/|~/|\$HOME/|%%h/|\.\./)[^\s"':,;\]}&|]*|\.\.(?=[\s"',\]}]|$))""" % {b"out": _OUTSIDE}
)
"""A path in a line that a shell or a service manager splits; in quotes it may have spaces."""


def _service(content: bytes) -> Iterator[MentionedPath]:
    """Yield what looks like a path in a file that starts programs, with a line for each thing."""
    for at, line in _lines(content):
        if not line.startswith((b"#", b";")):
            # systemd takes what follows the sign as a whole, spaces included.
            for path in _paths_in(line, line.partition(b"=")[2].strip()):
                yield MentionedPath(path, at, is_place=True)


def _paths_in(text: bytes, whole: bytes) -> set[bytes]:
    """Return what looks like a path in a text; ``whole`` is one if it begins like one."""
    found = {path for groups in _TOKEN.findall(text) for path in groups if path}
    found |= {whole} if whole.startswith(b"/") else set()
    return {re.sub(rb"^(?:\$HOME|%h)/", b"~/", each) for each in found}


_LAUNCHED = re.compile(rb"<string>([^<]*)</string>")


def _launched(content: bytes) -> Iterator[MentionedPath]:
    for at, text in (_packed if content.startswith(b"bplist") else _launched_lines)(content):
        for path in _paths_in(text, text):
            yield MentionedPath(path, at, is_place=True)


def _packed(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the texts in a binary property list, as if they were on one line."""
    import plistlib  # few have any

    waiting, known = list[Any](), set[int]()  # a list may be in several others
    with suppress(ValueError, OverflowError, RecursionError):
        waiting.append(plistlib.loads(content, fmt=plistlib.FMT_BINARY))
    while waiting:
        if isinstance(each := waiting.pop(), str):
            yield 1, each.encode("utf-8", "surrogatepass")
        elif isinstance(each, dict | list) and id(each) not in known:
            known.add(id(each))
            waiting += each.values() if isinstance(each, dict) else each


def _launched_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    from html import unescape

    texts = ((at, text) for at, line in _lines(content) for text in _LAUNCHED.findall(line))
    return ((at, os.fsencode(unescape(os.fsdecode(text)))) for at, text in texts)


class _Format(NamedTuple):
    """A kind of file that refers to paths."""

    where: re.Pattern[bytes]
    parse: ReferenceParser
    source: str
    """Where the format is documented."""


_FORMATS: Final = (
    _Format(re.compile(rb"/\.git$"), _git_file, "gitrepository-layout(5)"),
    _Format(re.compile(rb"/worktrees/[^/]+/gitdir$"), _worktree_place, "gitrepository-layout(5)"),
    _Format(re.compile(rb"/worktrees/[^/]+/commondir$"), _only_line, "gitrepository-layout(5)"),
    _Format(re.compile(rb"/objects/info/alternates$"), _alternates, "gitrepository-layout(5)"),
    _Format(
        re.compile(rb"/config(?:\.worktree)?$"),
        _git_config,
        "git-config(1), core.worktree; git-remote(1), a remote that is a folder",
    ),
    _Format(re.compile(rb"/pyvenv\.cfg$"), _pyvenv, "PEP 405; Lib/venv/__init__.py"),
    _Format(
        re.compile(rb"/(?:bin|Scripts)/activate[^/]*$"),
        _activation,
        "Lib/venv/scripts; virtualenv, activation/",
    ),
    _Format(re.compile(rb"/(?:site|dist)-packages/[^/]+\.pth$"), _path_file, "Lib/site.py"),
    _Format(
        re.compile(rb"/(?:site|dist)-packages/[^/]+\.egg-link$"),
        _only_line,
        "setuptools, command/develop.py",
    ),
    _Format(
        re.compile(rb"/__editable__[^/]*\.py$"), _finder, "setuptools, command/editable_wheel.py"
    ),
    _Format(re.compile(rb"\.dist-info/direct_url\.json$"), _direct_url, "PEP 610"),
    # In `node_modules`, a package's references to its author's folders mean nothing.
    _Format(
        re.compile(rb"^(?!.*/node_modules/).*/package\.json$", re.DOTALL),
        _package,
        "npm, package.json, 'Local Paths'; yarn, 'portal:'",
    ),
    _Format(
        re.compile(rb"/(?:Cargo\.toml|pyproject\.toml|Pipfile|pubspec\.yaml)$"),
        _path_values,
        "The Cargo Book, 'Specifying path dependencies'; uv, 'Path'; Dart, 'Path packages'",
    ),
    _Format(
        re.compile(rb"/go\.(?:mod|work)$"), _go_paths, "Go Modules Reference, 'replace' and 'use'"
    ),
    _Format(re.compile(rb"/requirements\.txt$"), _requirements, "pip, 'Local project installs'"),
    _Format(re.compile(rb"/(?:docker-)?compose[^/]*\.ya?ml$"), _service, "Compose, 'volumes'"),
    _Format(re.compile(rb"/[^/]+\.(?:service|path)$"), _service, "systemd.exec(5)"),
    _Format(
        re.compile(rb"/(?:crontab|crontabs/[^/]+|spool/cron/[^/]+|cron\.[a-z]+/[^/]+)$"),
        _service,
        "crontab(5), cron(8)",
    ),
    _Format(re.compile(rb"/Launch(?:Agents|Daemons)/[^/]+\.plist$"), _launched, "launchd.plist(5)"),
)
NAMES: Final = (
    *(b".git", b"gitdir", b"commondir", b"alternates", b"config", b"config.worktree"),
    *(b"pyvenv.cfg", b"activate", b"direct_url.json", b"package.json"),
    *(b"Cargo.toml", b"pyproject.toml", b"Pipfile", b"pubspec.yaml", b"go.mod", b"go.work"),
    *(b"requirements.txt", b"crontab"),
)
"""Names of the files that `reference_parser` handles."""
BEGINNINGS: Final = (b"__editable__", b"compose", b"docker-compose")
"""Prefixes of further names."""
ENDINGS: Final = (b".pth", b".egg-link", b".service", b".path", b".plist")
"""Suffixes of further names."""
