"""Recognize folders that a service syncs with the cloud, by the names that it gives them."""

from __future__ import annotations

from gorillacomb.fs.paths import join, relative_path

_SYNCED = (b"dropbox", b"onedrive", b"google drive", b"googledrive", b"icloud drive")
_SYNCED_MORE = (b"com~apple~clouddocs", b"nextcloud", b"owncloud", b"pcloud drive", b"syncthing")
_DRIVES = (b"my drive", b"shared drives", b"shared with me")


def cloud_folder_around(root: bytes, path: bytes) -> bytes | None:
    """Return the innermost cloud-synced folder around a path, at or below its root; None if none.

    Judged by the names that the services give their folders.
    """
    parts = relative_path(path, root).split(b"/")[:-1]
    for at, part in enumerate(parts):
        name = part.lower()
        in_cloud_storage = at > 0 and parts[at - 1] == b"CloudStorage"
        if not in_cloud_storage and not _is_synced(name):
            continue
        inner = parts[: at + 1]
        if len(parts) > at + 1 and parts[at + 1].lower() in _DRIVES:
            inner = parts[: at + 2]  # Google Drive allows no files beside "My Drive"
        return join(root, b"/".join(inner))
    return None


def _is_synced(name: bytes) -> bool:
    return name in (*_SYNCED, *_SYNCED_MORE) or name.startswith((b"dropbox (", b"onedrive - "))
