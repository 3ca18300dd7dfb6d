"""What a job is asked to do, and the command line that does it.

No text of a request becomes an option: each kind of job has a table of what may be asked of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gorillacomb.errors import UsageError
from gorillacomb.jobs.folder import DROPPED, EVENTS, MANIFEST, PLAN, JobFolder
from gorillacomb.json_paths import path_from_json, path_to_json

_WITHOUT_LIMIT = "31536000"
"""Seconds that a job waits for another program that writes to the vault: a year."""


class _Form(Enum):
    """How an option is given on the command line."""

    FLAG = "--word"
    VALUE = "--word VALUE"
    JOINED = "--word=VALUE, or --word alone"
    SECONDS = "--word NUMBERs"
    OPERAND = "VALUE, after --"


@dataclass(frozen=True, slots=True)
class _Option:
    form: _Form
    word: str = ""
    type: type = str
    """bool, int, str, or bytes for an absolute path."""
    many: bool = False
    required: bool = False


def _flag(word: str) -> _Option:
    return _Option(_Form.FLAG, word, bool)


def _paths(word: str = "", *, required: bool = False, many: bool = True) -> _Option:
    form = _Form.VALUE if word else _Form.OPERAND
    return _Option(form, word, bytes, many, required)


def _operand() -> _Option:
    return _Option(_Form.OPERAND, required=True)


def _number(word: str) -> _Option:
    return _Option(_Form.VALUE, word, int)


def _texts(word: str) -> _Option:
    return _Option(_Form.VALUE, word, many=True)


@dataclass(frozen=True, slots=True)
class JobKind:
    """A command that can run as a job."""

    words: tuple[str, ...]
    options: Mapping[str, _Option]
    writes: bool
    """Whether it writes to the vault: of such jobs, one runs at a time."""
    tells_progress: bool = True
    """Whether the command has ``--events``."""
    output: str = ""
    """The file in the job's folder that the command writes to (``-o``), if it writes one."""


_EXPECTED = MappingProxyType(
    {
        "expect_digest": _Option(_Form.VALUE, "--expect-digest", required=True),
        "expect_files": _Option(_Form.VALUE, "--expect-files", int, required=True),
    }
)

_MARKED = MappingProxyType({"paths": _paths(required=True), "note": _Option(_Form.VALUE, "--note")})

KINDS: Mapping[str, JobKind] = MappingProxyType(
    {
        "scan": JobKind(
            ("scan",),
            {
                "paths": _paths(),
                "exclude": _texts("--exclude"),
                "min_size": _number("--min-size"),
                "clear_excludes": _flag("--clear-excludes"),
                "quick": _flag("--quick"),
                "rehash": _flag("--rehash"),
                "cross_file_systems": _flag("--cross-file-systems"),
                "accept_loss": _flag("--accept-loss"),
            },
            writes=True,
        ),
        "scrub": JobKind(
            ("scrub",),
            {"paths": _paths(), "older_than": _Option(_Form.SECONDS, "--older-than", int)},
            writes=True,
        ),
        "verify": JobKind(
            ("verify",),
            {
                "manifest": _paths(required=True, many=False),
                "root": _paths("--root", many=False),
                "require_signature": _flag("--require-signature"),
            },
            writes=False,
        ),
        "manifest": JobKind(
            ("manifest",),
            {
                "path": _paths(many=False),
                "no_sign": _flag("--no-sign"),
                "allow_missing": _flag("--allow-missing"),
            },
            writes=False,
            tells_progress=False,
            output=MANIFEST,
        ),
        "mesh-sync": JobKind(("mesh", "sync"), {}, writes=False, tells_progress=False),
        "mesh-check": JobKind(("mesh", "check"), {}, writes=False, tells_progress=False),
        "overview": JobKind(("overview",), {}, writes=False),
        "folders": JobKind(("folders",), {}, writes=False, tells_progress=False),
        "explain": JobKind(
            ("explain",),
            {"path": _paths(required=True, many=False)},
            writes=False,
            tells_progress=False,
        ),
        "compare": JobKind(("compare",), {"paths": _paths(required=True)}, writes=False),
        "unique": JobKind(
            ("unique",),
            {"path": _paths(required=True, many=False), "except": _paths("--except")},
            writes=False,
        ),
        "map": JobKind(("map",), {"path": _paths(many=False)}, writes=False, tells_progress=False),
        "plan": JobKind(
            ("dedupe", "--plan"),
            {
                "action": _Option(_Form.VALUE, "--action"),
                "within": _paths("--within"),
                "prefer": _texts("--prefer"),
                "protect": _texts("--protect"),
                "keep": _number("--keep"),
                "min_size": _number("--min-size"),
                "free": _number("--free"),
                "folders_only": _flag("--folders-only"),
                "files_only": _flag("--files-only"),
                "retire": _paths("--retire"),
                "not_a_project": _paths("--not-a-project"),
                "across_volumes": _flag("--across-volumes"),
                "empty_folders": _flag("--empty-folders"),
                "collapse": _paths("--collapse"),
                "into": _paths("--into", many=False),
                "bring": _paths("--bring"),
                "collapse_all": _flag("--collapse=all"),
                "bring_all": _flag("--bring=all"),
            },
            writes=False,
            output=PLAN,
        ),
        "apply": JobKind(
            ("dedupe",),
            {"plan": _Option(_Form.VALUE, "--apply", bytes, required=True), **_EXPECTED},
            writes=True,
        ),
        "undo": JobKind(
            ("dedupe",),
            {
                "run": _Option(_Form.JOINED, "--undo", required=True),
                "only": _paths("--only"),
            },
            writes=True,
        ),
        "purge": JobKind(
            ("dedupe", "--yes"),
            {
                "run": _Option(_Form.JOINED, "--empty-quarantine", required=True),
                "older_than": _Option(_Form.SECONDS, "--older-than", int),
                **_EXPECTED,
            },
            writes=True,
        ),
        "root-name": JobKind(
            ("roots", "name"),
            {"root": _operand(), "name": _operand()},
            writes=True,
            tells_progress=False,
        ),
        "root-forget": JobKind(
            ("roots", "forget"), {"root": _operand()}, writes=True, tells_progress=False
        ),
        "trace-verify": JobKind(("trace", "verify"), {}, writes=False),
        "drop": JobKind(
            ("drop",), {"into": _paths("--into", required=True, many=False)}, writes=True
        ),
        "scroll": JobKind(
            ("scroll", "create"),
            {
                "manifest": _Option(_Form.VALUE, "--manifest", bytes, required=True),
                "kind": _Option(_Form.VALUE, "--kind", required=True),
                "license": _Option(_Form.VALUE, "--license", required=True),
                "license_text": _texts("--license-text"),
                "funding": _Option(_Form.VALUE, "--funding"),
                "currency": _Option(_Form.VALUE, "--currency"),
                "valid_until": _Option(_Form.VALUE, "--valid-until"),
            },
            writes=True,
            tells_progress=False,
        ),
        "scroll-revoke": JobKind(
            ("scroll", "revoke"), {"scroll": _operand()}, writes=True, tells_progress=False
        ),
        **{
            f"mark-{what}": JobKind(("mark", what), _MARKED, writes=True, tells_progress=False)
            for what in ("keep", "intended", "not-duplicates")
        },
        "mark-clear": JobKind(
            ("mark", "clear"), {"paths": _paths(required=True)}, writes=True, tells_progress=False
        ),
    }
)
"""The kinds of jobs, by name."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job is asked to do: its kind, and values of that kind's options.

    A path is `bytes`, absolute; several values of an option are a tuple.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values. Raises UsageError, which says what is wrong where."""
        if self.kind not in KINDS:
            raise UsageError(f"There is no job {self.kind!r}.", f"Jobs: {', '.join(KINDS)}.")
        known = KINDS[self.kind].options
        for name in self.options.keys() - known.keys():
            raise UsageError(f"A {self.kind} has no option {name!r}.")
        for name, option in known.items():
            if name in self.options:
                self._check(name, option)
            elif option.required:
                raise UsageError(f"A {self.kind} requires {name}.")

    def _check(self, name: str, option: _Option) -> None:
        value = self.options[name]
        values = value if option.many else (value,)
        if option.many and not isinstance(value, tuple):
            raise UsageError(f"{name} is not a list.")
        for each in values:
            if type(each) is not option.type:
                raise UsageError(f"{name} is not of the type {option.type.__name__}.")
            if isinstance(each, bytes) and (not each.startswith(b"/") or b"\0" in each):
                raise UsageError(f"{name} is not an absolute path.")
            if isinstance(each, str) and (each.startswith("-") or "\0" in each):
                raise UsageError(f"{name} may not begin with '-' or contain NUL.")

    def to_dict(self) -> dict[str, Any]:
        """Return it as it is kept in the job's folder."""
        return {"kind": self.kind, "options": {n: _encoded(v) for n, v in self.options.items()}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> JobRequest:
        """Read what `to_dict` returned. Raises UsageError."""
        try:
            options = {name: _decoded(value) for name, value in document["options"].items()}
            return cls(str(document["kind"]), options)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"The request of a job is damaged: {error}.") from error

    def command(self, folder: JobFolder, vault: Path) -> list[bytes]:
        """Return the command line that carries it out, as a job in a folder."""
        kind = KINDS[self.kind]
        words: list[bytes | str | Path] = [sys.executable, "-m", "gorillacomb", *kind.words]
        for name, option in kind.options.items():
            if name in self.options and option.form is not _Form.OPERAND:
                words += _words(option, self.options[name])
        if kind.output:
            words += ["-o", folder.path / kind.output]
        if kind.writes:
            words += ["--wait", _WITHOUT_LIMIT]
        if kind.tells_progress:
            words += ["--events", folder.path / EVENTS]
        words += ["--json", "--vault", vault, "--"]
        for name, option in kind.options.items():
            if name in self.options and option.form is _Form.OPERAND:
                value = self.options[name]
                words += value if option.many else (value,)
        if self.kind == "drop":
            words += sorted((folder.path / DROPPED).iterdir())
        return [os.fsencode(word) for word in words]


def _words(option: _Option, value: Any) -> Iterator[bytes | str]:
    for each in value if option.many else (value,):
        text = str(each) if isinstance(each, int) else each
        if option.form is _Form.FLAG:
            if each:
                yield option.word
        elif option.form is _Form.JOINED:
            yield f"{option.word}={text}" if text else option.word
        elif option.form is _Form.SECONDS:
            yield from (option.word, f"{text}s")
        else:
            yield from (option.word, text)


def _encoded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encoded(each) for each in value]
    return path_to_json(value) if isinstance(value, bytes) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(each) for each in value)
    return path_from_json(value) if isinstance(value, dict) else value
