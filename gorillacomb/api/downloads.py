"""Keep a whole process from downloading what is only in the cloud, as the command line does."""

from __future__ import annotations

import sys


def forbid_downloads() -> None:
    """Have macOS refuse to download files that this process, or one that it starts, reads.

    `scan` with a ``hydrate_limit`` allows it while it runs. A Python program that wants it calls
    this itself: it concerns all that the program reads.
    """
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.downloads import forbid_downloads as forbid

        forbid()
