"""What is found in the text of files that refer to others by paths."""

from __future__ import annotations

import json
import os
import plistlib
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gorillacomb.classify import references
from gorillacomb.classify.references import mentioned_paths, parse_script, reference_parser

CASES: list[tuple[str, str, list[tuple[str, int, int]]]] = [
    ("/w/.git", "gitdir: /r/.git/worktrees/w\n", [("/r/.git/worktrees/w", 1, 2)]),
    ("/w/.git", "gitdir: ../.git/modules/w", [("../.git/modules/w", 1, 0)]),
    ("/w/.git", "no pointer", []),
    ("/r/.git/worktrees/w/gitdir", "/a b/w/.git\n", [("/a b/w/.git", 1, 1)]),
    ("/r/.git/worktrees/w/commondir", "../..\n", [("../..", 1, 0)]),
    (
        "/r/.git/objects/info/alternates",
        '# none\n/o/objects\n../../p/objects\n"/q\\"/objects"\n\n',
        [("/o/objects", 2, 0), ("../../../p/objects", 3, 0), ('/q"/objects', 4, 0)],
    ),
    (
        "/r/.git/modules/s/config",
        "[remote]\n\tworktree = /no\n[Core]\n\tbare = false\n\tworkTree = ../../../s ; here\n",
        [("../../../s", 5, 0)],
    ),
    ("/r.git/config", '[core] worktree = "/a;b"\n[core "x"]\nworktree = /c', [("/a;b", 1, 0)]),
    (
        "/e/pyvenv.cfg",
        "home = /py/bin\nversion = 3.11\nexecutable = /py/bin/python3.11\n"
        "command = /py/bin/python3 -m venv --prompt x /a b/e\n",
        [
            ("/py/bin", 1, 1),
            ("/py/bin/python3.11", 3, 2),
            ("/py/bin/python3", 4, 2),
            ("/a b/e", 4, 0),
        ],
    ),
    ("/e/pyvenv.cfg", "HOME=/py\nbase-prefix = /q\r\n", [("/py", 1, 0), ("/q", 2, 0)]),
    ("/e/bin/activate", '# x\nVIRTUAL_ENV="/a b/e"\nexport VIRTUAL_ENV\n', [("/a b/e", 2, 0)]),
    ("/e/bin/activate", "    export VIRTUAL_ENV=/e;x\n", [("/e", 1, 0)]),
    ("/e/bin/activate.csh", "setenv VIRTUAL_ENV '/e f'\n", [("/e f", 1, 0)]),
    ("/e/bin/activate.fish", 'set -gx VIRTUAL_ENV "/e"\n', [("/e", 1, 0)]),
    ("/e/bin/activate.nu", "let virtual_env = '/e'\n", [("/e", 1, 0)]),
    (
        "/e/lib/python3/site-packages/x.pth",
        "# /no\n/src\nimport os\n../y\n",
        [("/src", 2, 0), ("../y", 4, 0)],
    ),
    ("/e/lib/site-packages/x.egg-link", "/src\n.", [("/src", 1, 0)]),
    (
        "/e/lib/site-packages/__editable___x_1_finder.py",
        "import os\nMAPPING: dict[str, str] = {'x': '/src/x', 'y': \"/y\"}\n",
        [("/src/x", 2, 0), ("/y", 2, 0)],
    ),
    (
        "/e/lib/site-packages/x.dist-info/direct_url.json",
        '{"dir_info": {"editable": true},\n "url": "file:///a%20b"}',
        [("/a b", 2, 0), ("/a%20b", 2, 0)],
    ),
    ("/e/x.dist-info/direct_url.json", '{"url": "file:///x.whl", "archive_info": {}}', []),
    (
        "/p/package.json",
        '{"dependencies": {\n"a": "file:../a",\n"b": "link:/b",\n"c": "^1.0.0",\n"d": "~/d"},\n'
        '"pnpm": {"overrides": {"e": "portal:./e"}},\n"main": "./index.js"}',
        [("../a", 2, 0), ("./e", 6, 0), ("/b", 3, 0), ("~/d", 5, 0)],
    ),
    (
        "/p/.git/config",
        '[remote "a"]\n\turl = /r/a.git\n[remote "b"]\n\turl = https://h/b\n\tpushurl = file:///r/b\n'
        "[branch]\n\turl = /no\n",
        [("/r/a.git", 2, 0), ("/r/b", 5, 0)],
    ),
    (
        "/p/Cargo.toml",
        '[lib]\npath = "src/lib.rs"\n[dependencies]\na = { path = "../a b", version = "1" }\n'
        "[dependencies.b]\npath = '/b'\n# path = \"../no\"\n",
        [("../a b", 4, 0), ("/b", 6, 0)],
    ),
    ("/p/pyproject.toml", 'a = {path = "../a", editable = true}\n', [("../a", 1, 0)]),
    ("/p/pubspec.yaml", "  a:\n    path: ../a\n  b:\n    path: b\n", [("../a", 2, 0)]),
    (
        "/p/go.mod",
        "module p\nreplace a => ../a\nreplace (\n\tb v1 => /b v2\n\tc => d v1.0.0\n)\n"
        "// => ../no\n",
        [("../a", 2, 0), ("/b", 4, 0)],
    ),
    (
        "/p/go.work",
        "go 1.22\nuse ../a\nuse (\n\t./b\n\t../c\n)\n",
        [("../a", 2, 0), ("../c", 5, 0)],
    ),
    (
        "/p/requirements.txt",
        "numpy\n-e ../a\n--editable=/b\n../c  # x\nd @ https://h/d\nfile:///e\n",
        [("../a", 2, 0), ("/b", 3, 0), ("../c", 4, 0), ("/e", 6, 0)],
    ),
    ("/p/package.json", '{"devDependencies": {"a": "file:///a/b"}}', [("/a/b", 1, 0)]),
    (
        "/p/docker-compose.override.yml",
        'a:\n  build: {context: ..}\n  volumes:\n    - ../d:/var/d\n    - "/srv/a b:/x"\n'
        "    - ./no:/y\n  # - /no\n  env_file: ['../e', '..']\n",
        [
            ("..", 2, 0),
            *(("../d", 4, 0), ("/var/d", 4, 0), ("/srv/a b", 5, 0), ("/x", 5, 0), ("/y", 6, 0)),
            *(("..", 8, 0), ("../e", 8, 0)),
        ],
    ),
    (
        "/etc/systemd/system/a.service",
        "[Service]\nWorkingDirectory=/a b\nExecStart=-/a/run --in=/c\nReadWritePaths=%h/d\n;/no\n",
        [("/a", 2, 0), ("/a b", 2, 0), ("/a/run", 3, 0), ("/c", 3, 0), ("~/d", 4, 0)],
    ),
    (
        "/etc/crontab",
        "# /no\n*/5 * * * * me cd /a && ./b >> ~/c 2>&1\n@daily $HOME/d;/e\n",
        [("/a", 2, 0), ("~/c", 2, 0), ("~/d", 3, 0), ("/e", 3, 0)],
    ),
    (
        "/u/Library/LaunchAgents/a.plist",
        "<plist>\n<string>sh -c 'cd /a'</string>\n<string>/b &amp; c</string>\n"
        "<string>/&#228;</string></plist>",
        [("/a", 2, 0), ("/b", 3, 0), ("/b & c", 3, 0), ("/ä", 4, 0)],
    ),
    ("/p/package.json", "[1]", []),
    ("/p/package.json", "{", []),
    ("/p/package.json", '{"dependencies": ' + "[" * 100_000, []),
]


@pytest.mark.parametrize(("path", "content", "expected"), CASES)
def test_what_a_file_refers_to(
    path: str, content: str, expected: list[tuple[str, int, int]]
) -> None:
    parse = reference_parser(path.encode())
    assert parse is not None
    found = mentioned_paths(parse, content.encode())
    assert sorted((each.path.decode(), each.line, each.above) for each in found) == sorted(expected)
    marked = mentioned_paths(parse, b"\xef\xbb\xbf" + content.encode())
    assert marked == found, "a byte order mark is passed over"


def test_a_binary_property_list_is_read() -> None:
    words = {
        "a": "/short",
        "b": "/" + "b" * 300,
        "ä": "/Users/Änna/🦍",
        "c": ["sh", "cd /Users/anna/App && ./run", {"d": ["/deep"]}],
    }
    parse = reference_parser(b"/Library/LaunchDaemons/a.plist")
    assert parse is not None
    found = mentioned_paths(parse, plistlib.dumps(words, fmt=plistlib.FMT_BINARY))
    assert {os.fsdecode(each.path) for each in found} == {
        *("/short", "/" + "b" * 300, "/Users/Änna/🦍", "/Users/anna/App", "/deep"),
    }


def test_a_property_list_with_lists_in_many_lists_takes_no_time() -> None:
    nested: list[object] = ["/a"]
    for _ in range(60):
        nested = [nested, nested]
    parse = reference_parser(b"/Library/LaunchDaemons/a.plist")
    assert parse is not None
    found = mentioned_paths(parse, plistlib.dumps({"a": nested}, fmt=plistlib.FMT_BINARY))
    assert [each.path for each in found] == [b"/a"]


@pytest.mark.parametrize("path", ["/etc/cron.d/a", "/var/spool/cron/anna", "/var/cron/crontabs/a"])
def test_files_of_any_name_are_read_where_cron_has_them(path: str) -> None:
    parse = reference_parser(path.encode())
    assert parse is not None
    assert [each.path for each in mentioned_paths(parse, b"@daily /a/b\n")] == [b"/a/b"]


@pytest.mark.parametrize(
    "path",
    ["/p/node_modules/x/package.json", "/m/model.pth", "/x/gitdir", "/x/alternates", "/activate"],
)
def test_files_of_the_same_names_elsewhere_are_not_read(path: str) -> None:
    assert reference_parser(path.encode()) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!/e/bin/python3\nimport x\n", [(b"/e/bin/python3", 1, 2)]),
        (b"#! /opt/python -I\n", [(b"/opt/python", 1, 0)]),
        (
            b"#!/bin/sh\n'''exec' \"/a b/e/bin/python\" \"$0\" \"$@\"\n' '''\n",
            [(b"/bin/sh", 1, 0), (b"/a b/e/bin/python", 2, 2)],
        ),
        (
            b"#!/bin/sh\n'''exec' /e/bin/python \"$0\"\n",
            [(b"/bin/sh", 1, 0), (b"/e/bin/python", 2, 2)],
        ),
        (b"\x7fELF", []),
    ],
)
def test_which_interpreter_runs_a_script(
    content: bytes, expected: list[tuple[bytes, int, int]]
) -> None:
    assert [each[:3] for each in mentioned_paths(parse_script, content)] == expected


def test_the_index_is_asked_for_every_name_that_is_read() -> None:
    """A file that a row of the table would read is found by its name."""
    for path, _, _ in CASES:
        name = path.rpartition("/")[2].encode()
        assert (
            name in references.NAMES
            or name.startswith((*references.BEGINNINGS, b"activate"))
            or name.endswith(references.ENDINGS)
        )


WORDS = b"\" ' \\ / = [ { \0 \xff core worktree VIRTUAL_ENV gitdir: -m venv file: dependencies a"
PIECES = st.sampled_from([*WORDS.split(b" "), b" ", b"\n", b"command = /"])


@given(st.lists(PIECES, max_size=40).map(b"".join) | st.binary(max_size=200))
@example(json.dumps({"dependencies": {"a": "file:\udcff"}}).encode())
@example(b'{"dependencies": {"a": "file:\\ud800"}}')
def test_no_content_is_a_failure(content: bytes) -> None:
    for parse in {row.parse for row in references._FORMATS} | {parse_script}:
        for each in mentioned_paths(parse, content):
            assert each.path and b"\0" not in each.path
            assert 1 <= each.line <= len(re.findall(rb"\r\n|[\n\r\v\f\x1c-\x1e\x85]", content)) + 1


@pytest.mark.parametrize("piece", [b" ", b"/", b'"', b"\\", b"a/ -m venv", b"command = /a ", b"'/"])
def test_no_content_takes_long(piece: bytes) -> None:
    content = piece * (references.LARGEST // len(piece))
    for begins in (b"", b"VIRTUAL_ENV ", b"command = /", b"gitdir: ", b"[core] worktree = "):
        for row in references._FORMATS:
            started = time.process_time()
            mentioned_paths(row.parse, begins + content)
            assert time.process_time() - started < 1, (row.source, begins)


@pytest.mark.parametrize("piece", [b" /", b"=/a:", b"<string>/", b"_\x10\xff", b"_\x11\xff\xff"])
def test_no_list_of_services_takes_long(piece: bytes) -> None:
    content = piece * (references.LARGEST // len(piece))
    for path in (b"/a.service", b"/LaunchAgents/a.plist"):
        for begins in (b"", b"bplist"):
            parse = reference_parser(path)
            assert parse is not None
            started = time.process_time()
            mentioned_paths(parse, begins + content)
            assert time.process_time() - started < 1, (path, begins)
