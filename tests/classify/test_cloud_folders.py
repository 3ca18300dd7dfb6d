"""What a service syncs, from whatever level it is looked at."""

from __future__ import annotations

import pytest

from gorillacomb.classify.cloud_folders import cloud_folder_around, cloud_folder_within

STORAGE = "/Users/anna/Library/CloudStorage"
GOOGLE = f"{STORAGE}/GoogleDrive-anna@example.com"
MOBILE = "/Users/anna/Library/Mobile Documents"


@pytest.mark.parametrize(
    ("path", "synced"),
    [
        (f"{GOOGLE}/My Drive/Photos/a.jpg", f"{GOOGLE}/My Drive"),
        (f"{GOOGLE}/My Drive/a.jpg", f"{GOOGLE}/My Drive"),
        (f"{GOOGLE}/Shared drives/Team/a/b.txt", f"{GOOGLE}/Shared drives/Team"),
        (f"{GOOGLE}/Geteilte Ablagen/Team/a/b.txt", f"{GOOGLE}/Geteilte Ablagen/Team"),
        (f"{GOOGLE}/Meine Ablage/Fotos/a/b.jpg", f"{GOOGLE}/Meine Ablage/Fotos"),
        (f"{GOOGLE}/Meine Ablage/b.jpg", f"{GOOGLE}/Meine Ablage"),
        (f"{GOOGLE}/My Drive", GOOGLE),
        (f"{STORAGE}/OneDrive-Personal/a/b", f"{STORAGE}/OneDrive-Personal"),
        (f"{STORAGE}/Dropbox/a/b", f"{STORAGE}/Dropbox"),
        (f"{STORAGE}/Box-Box/a/b", f"{STORAGE}/Box-Box"),
        (f"{MOBILE}/com~apple~CloudDocs/a/b", f"{MOBILE}/com~apple~CloudDocs"),
        (f"{MOBILE}/iCloud~md~obsidian/Documents/b", f"{MOBILE}/iCloud~md~obsidian"),
        ("/Volumes/GoogleDrive/My Drive/a/b", "/Volumes/GoogleDrive/My Drive"),
        ("/Volumes/GoogleDrive/Shared drives/T/a/b", "/Volumes/GoogleDrive/Shared drives/T"),
        (f"{GOOGLE}/.shortcut-targets-by-id/1/a/b", f"{GOOGLE}/.shortcut-targets-by-id/1"),
        (
            f"{STORAGE}/OneDrive-SharedLibraries-Firm/Lab - Documents/a/b",
            f"{STORAGE}/OneDrive-SharedLibraries-Firm/Lab - Documents",
        ),
        (f"{STORAGE}/OneDrive-SharedLibraries-Firm/a", f"{STORAGE}/OneDrive-SharedLibraries-Firm"),
        ("/home/anna/Dropbox/a/b", "/home/anna/Dropbox"),
        ("/home/anna/Dropbox (Firm)/a", "/home/anna/Dropbox (Firm)"),
        ("/home/anna/OneDrive - Firm/a", "/home/anna/OneDrive - Firm"),
        ("/home/anna/Documents/Dropbox.txt", None),
        (STORAGE, None),
    ],
)
def test_the_synced_folder_around_a_path(path: str, synced: str | None) -> None:
    found = cloud_folder_around(path.encode())
    assert found == (None if synced is None else synced.encode())


@pytest.mark.parametrize("top", ["/Users/anna", STORAGE, GOOGLE, f"{GOOGLE}/My Drive"])
def test_from_each_level_above_it_is_the_same(top: str) -> None:
    path = f"{GOOGLE}/My Drive/Photos/a.jpg".encode()
    assert cloud_folder_within(top.encode(), path) == f"{GOOGLE}/My Drive".encode()


def test_a_root_inside_it_keeps_its_own_quarantine() -> None:
    root = f"{GOOGLE}/My Drive/Photos".encode()
    assert cloud_folder_within(root, root + b"/a.jpg") is None
