"""Tests of making one tree of several copies: which rule is shown where.

- what the kept tree covers, what goes to the shelf, conflicts: `test_plan`
- what the history or the trace knows, and repositories that leave: `test_repositories`
- repositories that stay, of every kind: `test_left_whole`, and alone in `tests.dedupe.repositories`
- what is put into the kept tree, what never is, and times: `test_bring`
- packages, secrets, albums, ignored files, what is in use, other volumes, room: `test_kinds`
- links, and what refers to a copy by its path, from outside or within: `test_references`
- long, reserved and clashing names, names on the shelf: `test_names`
- accounts, shares and locks in cloud folders: `test_cloud`
- purge, holders and the number, two programs, late changes: `test_plan`
- random families, kills, and the drive of the README: `test_oracle`, `test_killed`,
  `test_messy_drive`
"""
