"""Run commands in this process, where a process of their own is not the point."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import click

from gorillacomb.errors import GorillaCombError


def answer(command: click.Command, *arguments: str | Path) -> Any:
    """Run a command with ``--json``; returns its document, or the exit code of its error."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, io.StringIO()
    try:
        words = [str(each) for each in (*arguments, "--json")]
        command.main(words, standalone_mode=False, prog_name="gorillacomb")
    except GorillaCombError as error:
        return int(error.exit_code)
    finally:
        sys.stdout, sys.stderr = before
    out.flush()
    return json.loads(out.buffer.getvalue())
