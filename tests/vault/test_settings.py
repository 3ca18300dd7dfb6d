"""The user's settings and how sizes are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UsageError
from gorillacomb.vault.settings import Settings, load_settings, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500", 500),
        ("10MB", 10**7),
        ("1GiB", 2**30),
        ("1.5 kB", 1500),
        ("2k", 2000),
        ("3Ti", 3 * 2**40),
        (" 7 b ", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.text(max_size=6))
def test_what_is_not_a_size_is_refused_in_words(text: str) -> None:
    try:
        assert parse_size(text) >= 0
    except ValueError as error:
        assert "is not a size" in str(error)


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()


def test_all_settings(tmp_path: Path, own_home: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'exclude = ["*.tmp"]\nmin-size = "4kB"\nprefer = ["~/Keep", "*/Originals/*"]\nworkers = 3\n'
    )
    settings = load_settings(tmp_path)
    assert settings == Settings(("*.tmp",), 4000, (f"{own_home}/Keep", "*/Originals/*"), 3)
    assert settings.preferred(f"{own_home}/Keep/a".encode())
    assert settings.preferred(b"/d/Originals/x/y")
    assert not settings.preferred(f"{own_home}/Keeper".encode())


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbfexclude = ["*.tmp"]\r\nworkers = 1\r\n')
    assert load_settings(tmp_path) == Settings(exclude=("*.tmp",), workers=1)


@pytest.mark.parametrize(
    "text",
    [
        'exclude = "*.tmp"',
        "workers = true",
        "workers = -1",
        'min-size = "big"',
        "colour = 1",
        "exclude = [1]",
        "not toml",
    ],
)
def test_a_bad_file_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(UsageError, match=r"config\.toml"):
        load_settings(tmp_path)
