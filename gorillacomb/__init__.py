"""Gorilla Comb: what is a copy of what, on a drive that was copied into itself for years.

The journey of a file through this package::

    walk -> fingerprint -> index -> group -> choose the canonical copy

`gorillacomb.scan.scanner.scan` walks folders with several processes and writes what it finds into
the vault's index (`gorillacomb.index`); `gorillacomb.canonical.groups.GroupReader` puts groups of
identical files together from it, and `gorillacomb.canonical.place_rules.choose_canonical` says
which copy of each is the one to keep, and why. `gorillacomb.cli` shows all that to people and
scripts. The stages hand each other the values of `gorillacomb.model`; every error raised on purpose
is in `gorillacomb.errors`.
"""

__version__ = "0.1.0"
