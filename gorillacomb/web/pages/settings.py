"""Settings: what is scanned, and what applies to all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gorillacomb.api.roots import RootStatus, list_roots
from gorillacomb.api.server.jobs import JobRequest, start
from gorillacomb.api.server.settings import (
    LISTS,
    InvalidSettings,
    SettingRefused,
    change_settings,
    read_settings,
    settings_mistake,
)
from gorillacomb.api.vault import Vault
from gorillacomb.errors import UsageError, VaultError
from gorillacomb.web.inputs import TypedPath
from gorillacomb.web.pages.jobs.jobs import follow
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import ApplyPlans, OwnForm, ReadIndex, RunScans
from gorillacomb.web.site import GivenSite, Site

router = APIRouter()
writing = APIRouter()
_Lines = Annotated[str, Form(max_length=100_000)]
_Root = Annotated[str, Form(pattern=r"^[0-9a-f]{32}$")]
_TEXTS = (
    ("exclude", "Exclude", "Patterns of what is not scanned, as in .gitignore."),
    ("prefer", "Prefer", "Folders, or patterns over whole paths, whose copies are kept."),
    ("protect", "Protect", "Folders, or patterns over whole paths, that no plan touches."),
    ("rules", "Rules", "Which copy to keep, the most important rule first."),
)


@router.get("/settings")
def settings(
    request: Request, site: GivenSite, session: ReadIndex, saved: Literal["yes"] | None = None
) -> Response:
    """Show what is scanned, and the settings; of a file that cannot be read, what is wrong."""
    return _show(request, site, saved=saved)


@dataclass(frozen=True, slots=True)
class RefusedForm:
    """The settings as they were typed, and what is wrong with one of them."""

    seen: str
    """The digest of the file that was shown."""
    typed: Mapping[str, str]
    """By the names of `LISTS`."""
    error: SettingRefused

    @property
    def line(self) -> int | None:
        """The number of the line with the mistake in its field, from 1; None if not known."""
        lines = self.typed[self.error.setting].replace("\r\n", "\n").split("\n")
        entry = self.error.entry
        return lines.index(entry) + 1 if entry in lines else None


def _show(
    request: Request, site: Site, refused: RefusedForm | None = None, saved: str | None = None
) -> Response:
    roots, mistake = _roots_and_mistake(site.vault)
    file = None
    try:
        file = read_settings()
    except UsageError:
        if mistake is None:
            raise  # it was corrected between the two
    return render_page(
        request,
        "settings.html",
        200 if refused is None else 422,
        title="Settings",
        roots=roots,
        file=file,
        mistake=mistake,
        texts=_TEXTS,
        saved=saved,
        refused=refused,
    )


def _roots_and_mistake(vault: Vault) -> tuple[tuple[RootStatus, ...], InvalidSettings | None]:
    try:
        return list_roots(vault), settings_mistake(vault)
    except VaultError:
        return (), None  # nothing was scanned yet


@writing.post("/settings")
def change(
    request: Request,
    site: GivenSite,
    session: ApplyPlans,
    form: OwnForm,
    seen: Annotated[str, Form(pattern=r"^[0-9a-f]{32}$")],
    exclude: _Lines = "",
    prefer: _Lines = "",
    protect: _Lines = "",
    rules: _Lines = "",
) -> Response:
    """Change the settings, if they are those that were shown; else show the form as it was."""
    typed = dict(zip(LISTS, (exclude, prefer, protect, rules), strict=True))
    try:
        change_settings(site.vault, seen, {name: _lines(text) for name, text in typed.items()})
    except SettingRefused as error:
        return _show(request, site, RefusedForm(seen, typed, error))
    return RedirectResponse("/settings?saved=yes", 303)


def _lines(text: str) -> list[str]:
    """Return the lines of a field as they are: a name may end in a blank, or contain U+2028."""
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


@writing.post("/roots")
def scan_folder(
    site: GivenSite, session: RunScans, form: OwnForm, path: Annotated[TypedPath, Form()]
) -> Response:
    """Start to scan a folder, which becomes a root."""
    return follow(start(site.vault, JobRequest("scan", {"paths": (path,)})))


@writing.post("/roots/name")
def name_root(
    site: GivenSite,
    session: RunScans,
    form: OwnForm,
    root: _Root,
    name: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Give a root a name."""
    return follow(start(site.vault, JobRequest("root-name", {"root": root, "name": name})))


@writing.post("/roots/forget")
def forget_root(site: GivenSite, session: ApplyPlans, form: OwnForm, root: _Root) -> Response:
    """Forget a root: its files stay."""
    return follow(start(site.vault, JobRequest("root-forget", {"root": root})))
