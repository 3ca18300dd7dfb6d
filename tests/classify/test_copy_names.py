"""What names say of copies: each line of the table by an example."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.classify import copy_names
from gorillacomb.classify.copy_name_table import (
    COPY_BEGINNINGS,
    COPY_MARKS,
    COPY_WORDS,
    NUMBERS,
    WEAK_NUMBERS,
    CopyMark,
    CopyWord,
)
from gorillacomb.classify.copy_names import (
    ends_in_number,
    looks_like_copy,
    meaning_of_name,
    plain_name,
    without_copy_marks,
)

FORMS = ("x - {}.jpg", "x {}.jpg", "x {} 2.jpg", "x - {} (3).jpg", "x ({}).jpg", "x (2. {}).jpg")
"""Windows, macOS, its second copy, that of Windows, GNOME, and its later ones."""

IN_BRACKETS = FORMS[4:]
JOINED = ("x{}.jpg", "x {}.jpg", "x{} 2.jpg", "x {}(1).jpg")
WORDS_IN_FORMS = [
    pytest.param(word, form, id=f"{word.languages} {form.format(word.word)}")
    for word in COPY_WORDS
    for form in (IN_BRACKETS if word.only_in_brackets else FORMS if word.is_apart else JOINED)
]


@pytest.mark.parametrize(("word", "form"), WORDS_IN_FORMS)
def test_a_copy_in_each_language(word: CopyWord, form: str) -> None:
    assert word.source
    capital = word.word[:1].upper() + word.word[1:]
    for each in (word.word, capital):
        for normal in ("NFC", "NFD"):
            name = unicodedata.normalize(normal, form.format(each)).encode()
            assert looks_like_copy(name)
            assert plain_name(name) == b"x.jpg"


@pytest.mark.parametrize("word", [each for each in COPY_WORDS if each.only_in_brackets])
@pytest.mark.parametrize("form", ["x {}.jpg", "x_{}.jpg", "x{}.jpg"])
def test_a_word_that_programs_write_in_brackets_alone(word: CopyWord, form: str) -> None:
    name = form.format(word.word).encode()
    assert not looks_like_copy(name)
    assert plain_name(name) == name


@pytest.mark.parametrize(("before", "language", "source"), COPY_BEGINNINGS)
def test_what_is_put_before_a_name(before: str, language: str, source: str) -> None:
    assert language and source
    text = before.replace("@", "2")
    for each in (text, text[:1].upper() + text[1:]):
        assert looks_like_copy(f"{each}report.pdf".encode())
        assert plain_name(f"{each}report.pdf".encode()) == b"report.pdf"


@pytest.mark.parametrize("mark", COPY_MARKS, ids=lambda mark: mark.example)
def test_what_is_put_behind_a_name(mark: CopyMark) -> None:
    assert mark.source
    assert looks_like_copy(mark.example.encode())
    assert plain_name(mark.example.encode()) == b"x.txt"
    folder = mark.example.removesuffix(".txt").replace("x", "HealthTrack", 1)
    assert without_copy_marks(folder.encode()) == b"healthtrack"


@pytest.mark.parametrize("mark", [*NUMBERS, *WEAK_NUMBERS], ids=lambda mark: mark.example)
def test_a_number_is_a_weak_sign(mark: CopyMark) -> None:
    assert not looks_like_copy(mark.example.encode())
    assert ends_in_number(mark.example.encode())
    assert plain_name(mark.example.encode()) == (b"x.txt" if mark in NUMBERS else b"x-1.txt")


@pytest.mark.parametrize(
    "name",
    [
        "olden times",
        "Olderberg.txt",
        "threshold",
        "Taxes (household)",
        "copyright.txt",
        "Photocopy.pdf",
        "fotocopia.jpg",
        "kopiergerät.txt",
        "microscopie.pdf",
        "copy.c",
        "strcopy.c",
        "kopi",
        "f(x).txt",
        "(1989) album",
        "notes (copyright).txt",
        "副本一覧.txt",
        "营业执照副本.jpg",
        "魔兽(副本攻略).txt",
        "통장사본.jpg",
        "免許証コピー.jpg",
        "楽譜(コピー可).pdf",
        "rood kopje.jpg",
        "warung kopi.jpg",
        "preferences-desktop-display.svg",
        "screenshot-desktop-20240105.png",
        "DESKTOP-AB12CD7",
        "Desktop Publishing",
        "desktop.ini",
        "conflict.txt",
    ],
)
def test_names_that_say_nothing_of_a_copy(name: str) -> None:
    assert not looks_like_copy(name.encode())
    assert plain_name(name.encode()) == name.encode()


@pytest.mark.parametrize(
    "name",
    [
        *("Taxes (old)", "Taxes (backup)", "Mail [bak]", "Mail (backup 2021-03)"),
        *("Desktop", "Schreibtisch"),
        *("Thesis (old).doc", "Letters old", "x-old"),
    ],
)
def test_names_of_what_is_kept_for_a_while(name: str) -> None:
    assert looks_like_copy(name.encode())


@pytest.mark.parametrize(
    ("copy", "of"),
    [
        (".env - Copy", ".env"),
        (".env (1)", ".env"),
        ("Copy of .env", ".env"),
        ("x (1).tar.gz", "x.tar.gz"),
        ("x copy.tar.zst", "x.tar.zst"),
        ("__init__ 2.py", "__init__.py"),
        ("x - Copy (1) - Copy.txt", "x.txt"),
        (".env.example", ".env.example"),
        ("2.txt", "2.txt"),
        ("(1)", "(1)"),
    ],
)
def test_what_a_name_is_a_copy_of(copy: str, of: str) -> None:
    assert plain_name(copy.encode()) == of.encode()


@pytest.mark.parametrize("mark", [*COPY_MARKS[1:3], CopyMark("", "x copy.txt", "Finder")])
@pytest.mark.parametrize("ending", [".tar.gz", ".tar.zst", ".json.xz", ".txt", ""])
def test_a_mark_is_also_known_before_two_extensions(mark: CopyMark, ending: str) -> None:
    assert looks_like_copy(mark.example.replace(".txt", ending).encode())
    assert not looks_like_copy(f"x{ending}".encode())


PIECES = st.lists(
    st.sampled_from(
        [each.word for each in COPY_WORDS]
        + [each for each, *_ in COPY_BEGINNINGS]
        + [each.example for each in COPY_MARKS]
        + ["-", "(", ")", "(1)", ".txt", "x", "_", ".", "~", "old", "Temp", "_files"]
        + ["[", "]", "2", "é", "COPY", " "]
    ),
    max_size=5,
)


@given(PIECES)
def test_the_quick_look_misses_nothing(pieces: list[str]) -> None:
    name = "".join(pieces).encode()
    assert looks_like_copy(name) == (copy_names._compiled("looks").search(name) is not None)


@given(PIECES)
def test_the_quick_look_at_a_plain_name_misses_nothing(pieces: list[str]) -> None:
    name = "".join(pieces).encode()
    assert plain_name(name) == copy_names._without_marks(name)


@given(PIECES)
def test_a_plain_name_is_plain(pieces: list[str]) -> None:
    name = "".join(pieces).encode()
    assert plain_name(plain_name(name)) == plain_name(name)
    assert not name or plain_name(name)


def test_small_files_and_dotfiles_mean_their_names() -> None:
    assert meaning_of_name(b".env", 5000) != meaning_of_name(b".env.example", 5000)
    assert meaning_of_name(b"bashrc", 5000) != meaning_of_name(b".bashrc", 5000)
    for copy in (b".env (1)", b"Copy of .env", b".env - Copy"):
        assert meaning_of_name(copy, 5000) == b".env"
    assert meaning_of_name(b"a", 64) is meaning_of_name(b"b", 64) is None
    assert meaning_of_name(b"a", 63) != meaning_of_name(b"b", 63)
    assert meaning_of_name(b"a - Copy.txt", 3) == b"a.txt"
