"""The journal of a server: what went wrong goes to stderr, which systemd and others keep."""

from __future__ import annotations

import logging

journal = logging.getLogger("gorillacomb.web")
"""Where errors of a server are logged."""
if logging.lastResort is not None:
    # Without it what is logged goes to stderr only until anything else of the package logs: see
    # `gorillacomb.log`, whose handler for programs that do not listen counts as one that does.
    journal.addHandler(logging.lastResort)
