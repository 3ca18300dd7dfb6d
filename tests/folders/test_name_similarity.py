"""Which names say that one folder is a copy of the other."""

from __future__ import annotations

import pytest

from gorillacomb.folders.name_similarity import copy_stem, names_match


@pytest.mark.parametrize(
    "name",
    [
        "HealthTrack",
        "healthtrack",
        "HealthTrack (1)",
        "HealthTrack-old",
        "HealthTrack_old (2)",
        "HealthTrack 2",
        "HealthTrack copy",
        "HealthTrack - Copy (3)",
        "Copy of HealthTrack",
        "Copy (2) of HealthTrack",
        "Kopie von HealthTrack",
        "HealthTrack.bak",
        "HealthTrack v2",
        "HealthTrack-final",
        "HealthTrack (conflicted copy 2021-03-04)",
        "HealthTrack-backup-old",
    ],
)
def test_a_copy_is_known_by_its_name(name: str) -> None:
    assert copy_stem(name.encode()) == b"healthtrack"
    assert names_match(name.encode(), b"HealthTrack")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("HealthTrack", "HealthTracker"),
        ("HealthTrack", "LicenseVault"),
        ("Invoices 2019", "Invoices 2020"),
        ("Lecture 10", "Lecture 11"),
        ("package 101", "package 102"),
        ("src", "src (1)"),
        ("New Folder With Items", "New Folder With Items"),
        ("Downloads", "Downloads"),
        ("images", "images"),
        ("IMG", "IMG (1)"),
        ("old", "older"),
    ],
)
def test_names_that_say_nothing(a: str, b: str) -> None:
    assert not names_match(a.encode(), b.encode())


def test_one_name_may_begin_the_other_as_whole_words() -> None:
    assert names_match(b"HealthTrack", b"healthtrack-injected")
    assert names_match(b"healthtrack.web", b"HealthTrack (1)")
