"""Recognize folders that a service syncs with the cloud, by the names that it gives them."""

from __future__ import annotations

from gorillacomb.fs.paths import is_below

_SYNCED = (b"dropbox", b"onedrive", b"google drive", b"googledrive", b"icloud drive")
_SYNCED_MORE = (b"com~apple~clouddocs", b"nextcloud", b"owncloud", b"pcloud drive", b"syncthing")
_OWN_DRIVE = (b"my drive", b"shared with me")
_SHARED = (b"shared drives", b".shortcut-targets-by-id")
"""Of Google: in each, a folder for every shared drive, or for what others shared."""
_OF_MACOS = (b"CloudStorage", b"Mobile Documents")
"""Folders of ``~/Library`` with one for each account (File Provider) or app (iCloud)."""
_LIBRARIES = b"OneDrive-SharedLibraries"
"""What the names of accounts begin with that have a folder for each library of a team."""
_GOOGLE = b"GoogleDrive"
"""What the names of Google's accounts in ``CloudStorage`` begin with."""


def cloud_folder_around(path: bytes) -> bytes | None:
    """Return the cloud-synced folder around a path; None if none.

    Judged by the names that the services give their folders. What it contains may be moved within
    it without leaving the cloud: of an account of several drives, it is one drive.
    """
    parts = path.split(b"/")[:-1]
    for at, part in enumerate(parts):
        of_macos = at > 0 and parts[at - 1] in _OF_MACOS
        if of_macos or _is_synced(part.lower()):
            is_account = of_macos and part.startswith(_GOOGLE)
            depth = _depth(parts[at + 1 :], is_account)
            if of_macos and part.startswith(_LIBRARIES):
                depth = min(len(parts) - at - 1, 1)
            return b"/".join(parts[: at + 1 + depth])
    return None


def wants_windows_names(cloud_folder: bytes) -> bool:
    """Return whether the service of a cloud folder syncs no names that Windows reserves.

    Dropbox keeps them from computers with Windows alone, OneDrive from everywhere.
    """
    return any(
        part.lower().startswith((b"dropbox", b"onedrive")) for part in cloud_folder.split(b"/")
    )


def is_shared(cloud_folder: bytes) -> bool:
    """Return whether a cloud folder, as `cloud_folder_around` gives it, is shared with others."""
    above, _, around = cloud_folder.rpartition(b"/")[0].rpartition(b"/")
    return around.lower() in _SHARED or (
        around.startswith(_LIBRARIES) and above.endswith(b"/" + _OF_MACOS[0])
    )


def cloud_folder_within(root: bytes, path: bytes) -> bytes | None:
    """Return the same, if it is at or below the root that the path is in."""
    found = cloud_folder_around(path)
    return found if found is not None and is_below(found, root) else None


def _depth(below: list[bytes], is_account: bool) -> int:
    """Return how many levels below its top a service has the drive that a path is in.

    Google Drive allows no files beside its drives, whose names it translates. An unknown name may
    be that of the folder with the shared drives, each a level below.
    """
    if not below:
        return 0
    name = below[0].lower()
    if name in _SHARED or (is_account and name not in _OWN_DRIVE):
        return min(len(below), 2)
    return 1 if name in _OWN_DRIVE else 0


def _is_synced(name: bytes) -> bool:
    return name in (*_SYNCED, *_SYNCED_MORE) or name.startswith((b"dropbox (", b"onedrive - "))
