"""Folders in which a file acts because it is there: a program finds it by itself.

A file that is put into one of them is run, deployed, migrated or published without anyone naming
it.
"""

from __future__ import annotations

import re

_NAMES = frozenset(
    b"migrations migrate versions seeds seeders fixtures routes pages api app middleware plugins"
    b" extensions addons hooks .githooks .husky workflows actions .github .gitlab .circleci"
    b" .buildkite .vscode .idea .devcontainer .claude .cursor tests test __tests__ spec specs e2e"
    b" cypress autostart launchagents launchdaemons systemd sites-enabled modules-enabled"
    b" mods-enabled conf-enabled initializers commands handlers functions netlify public static www"
    b" htdocs public_html dist build bin sbin templates crontabs".split()
)
"""Of frameworks that load every file of such a folder: Django, Rails, Laravel, Alembic, Next.js,
Nuxt, pytest, Jest, Cypress; of git, GitHub, systemd, launchd, cron, Apache, nginx."""
_DROP_IN = re.compile(rb".\.(?:d|daily|hourly|weekly|monthly)$")
"""Such as ``conf.d``, ``cron.daily``, ``init.d``."""
_FILES = re.compile(
    rb"conftest\.py|sitecustomize\.py|usercustomize\.py|.+\.pth|\.envrc|\.htaccess|\.user\.ini"
    rb"|dockerfile.*|(?:docker-)?compose.*\.ya?ml|makefile|rakefile|gemfile|procfile|jenkinsfile"
    rb"|vagrantfile|\..+rc(?:\..+)?|.+\.config\.[cm]?[jt]s|.+[._](?:test|spec)\..+|test_.+\.py"
    rb"|.+\.service|.+\.timer|.+\.plist|crontab"
)
"""Names of files that programs look for in any folder."""


def acts(path: bytes) -> bool:
    """Return whether a file at a relative path does something by being there, ignoring case."""
    *folders, name = path.lower().split(b"/")
    return _FILES.fullmatch(name) is not None or any(
        each in _NAMES or _DROP_IN.search(each) is not None for each in folders
    )
