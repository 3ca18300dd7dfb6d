"""Runs a command that listens until it is told to end."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.forked import Forked
from tests.support.run import Argument, environment, started

Process = Forked | subprocess.Popen[bytes]


@contextmanager
def listening(
    vault: Path, says: re.Pattern[str], *arguments: Argument
) -> Iterator[tuple[Process, re.Match[str], list[str]]]:
    """Run a command until the end of the block: once it said on stderr where it listens.

    Gives its process, the line that says so, and all lines, to which later ones are added. A
    traceback among them fails the test.
    """
    err, err_end = os.pipe()
    with open(os.devnull, "r+b") as nothing:
        streams = (nothing.fileno(), nothing.fileno(), err_end)
        process = started(arguments, environment(vault), streams)
    os.close(err_end)
    lines: list[str] = []
    reader: threading.Thread | None = None
    with open(err, encoding="utf-8") as stderr:
        try:
            found = None
            for line in stderr:
                lines.append(line)
                found = says.match(line)
                if found:
                    break
            assert found, lines
            reader = threading.Thread(target=lines.extend, args=(stderr,))
            reader.start()
            yield process, found, lines
        finally:
            process.kill()
            process.wait()
            if reader is not None:
                reader.join()
    assert "Traceback" not in "".join(lines), "".join(lines)
