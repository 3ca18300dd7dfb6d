"""Which files belong together by their names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.classify import companions
from gorillacomb.classify.companion_table import COMPANIONS
from gorillacomb.classify.companions import Companions, companion_table, counterpart
from gorillacomb.classify.kinds.companion_kind import CompanionKind, InUse

KINDS = [pytest.param(kind, id=f"{at}-{kind.what}") for at, kind in enumerate(COMPANIONS)]


def example(template: str) -> bytes:
    """A name that a template stands for, of the stem ``Own``."""
    text = template.replace("{stem}", "Own").replace("@", "1").replace("*", "eng")
    return text.replace("?", "x").encode()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_one_set(kind: CompanionKind) -> None:
    assert kind.source.startswith(("https://", "http://"))
    for main in map(example, kind.mains):
        for other in map(example, kind.others):
            found = Companions([main, other, b"bystander.txt"])
            assert found.of(main) == [other]
            assert found.of(other) == [main]
            assert found.of(b"bystander.txt") == []
            open_by = found.sign_of_use(main, lambda name: 512)
            assert open_by == (other if kind.in_use is not InUse.NEVER else None)
            if kind.in_use is InUse.NOT_EMPTY:
                assert found.sign_of_use(main, {main: 512, other: 0}.__getitem__) is None
                assert found.sign_of_use(main, lambda name: 700) is None, "no size of a database"


@pytest.mark.parametrize("kind", [kind for kind in COMPANIONS if kind.mains_belong_together])
def test_parts_are_a_set_without_any_other_file(kind: CompanionKind) -> None:
    template = kind.mains[0]
    first = example(template)
    second = template.replace("{stem}", "Own").replace("@", "2").encode()
    second = example(kind.mains[1]) if second == first else second
    assert Companions([first, second]).of(first) == [second]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("film.mkv", "film.mp4"),
        ("film.mkv", "other.srt"),
        ("a.png", "a.jpg"),
        ("x.db-wal", "y.db"),
        ("letter.doc", "letter.txt"),
        ("a.shp", "b.dbf"),
        ("2023.001.txt", "2023.002.txt"),
        (".jpg", ".xmp"),
        ("photo.jpg", "photo.png.json"),
        ("photo.jpg", "photo.schema.json"),
        ("page.txt", "page_files/"),
        ("page.html", "other_files/"),
        ("x.ab", "x.ac"),
        ("setup.py", "subs/"),
        ("notes.txt", "._other.txt"),
    ],
)
def test_names_that_do_not_belong_together(a: str, b: str) -> None:
    assert Companions([a.encode(), b.encode()]).of(a.encode()) == []


@pytest.mark.parametrize(
    "names",
    [
        "IMG_1.PNG IMG_1.xmp",
        "logo.psd logo.psd.xmp",
        "IMG_1.jpg IMG_1.jpg.json",
        "IMG_1.jpg IMG_1.jpg.supplemental-metadata.json",
        "IMG_1.jpg IMG_1.jpg.supplemental-meta.json",
        "IMG_1.jpg IMG_1.jpg.suppl.json",
        "IMG_1.jpg IMG_1.jpg.s.json",
        "IMG_1(1).jpg IMG_1.jpg(1).json",
        "IMG_1(1).jpg IMG_1.jpg.supplemental-metadata(1).json",
        "IMG_5001.HEIC IMG_E5001.HEIC IMG_5001.AAE IMG_O5001.AAE",
        "IMG_E5001.JPG IMG_E5001.AAE",
        "Film.mkv Subs/",
        "Film.avi subtitles/",
        "VTS_01_0.IFO VTS_01_0.BUP VTS_01_1.VOB VTS_01_2.VOB",
        "VIDEO_TS.IFO VIDEO_TS.BUP VTS_02_1.VOB",
        "00001.m2ts 00001.clpi",
        "page.html page_files/",
        "Seite.htm Seite-Dateien/",
        "t.frm t.MYD t.MYI",
        "t.frm t.ibd",
        "t.MYI t.MYD",
        "x.aa x.ab x.ba",
        "x.00 x.01 x.17",
        "xaa xab",
        "x.7z.001 x.7z.002",
        "x.zip x.z01",
        "x.part1.rar x.part2.rar",
        "x.rar x.r00 x.r01",
        "x.tar.gz x.tar.gz.asc x.tar.gz.sha256",
        "x.iso x.iso.sig",
        "x.exe x.exe.minisig",
        "song.aup song_data/",
        "a.mp3 a.m3u",
        "a.flac a.cue",
    ],
)
def test_what_people_have_is_one_set(names: str) -> None:
    files = [name.encode() for name in names.split()]
    for name in files:
        found = Companions([*files, b"bystander.txt", b"bystander.jpg"])
        assert found.of(name) == sorted(set(files) - {name})


@pytest.mark.parametrize(
    ("film", "subtitle"),
    [
        ("Amélie.mkv".encode(), unicodedata.normalize("NFD", "Amélie.srt").encode()),
        ("Amélie.mkv".encode("latin-1"), "Amélie.srt".encode()),
        ("Amélie.mkv".encode("latin-1"), unicodedata.normalize("NFD", "AMÉLIE.SRT").encode()),
        (b"STRASSE.mkv", "Straße.srt".encode()),
        ("ДОМ.mkv".encode(), "дом.srt".encode()),
        ("Überblick.docx".encode(), b"~$erblick.docx"),
        (unicodedata.normalize("NFD", "é.html").encode(), "é_files/".encode()),
    ],
)
def test_names_are_one_however_they_are_written(film: bytes, subtitle: bytes) -> None:
    assert Companions([film, subtitle]).of(film) == [subtitle]
    assert Companions([film, subtitle]).of(subtitle) == [film]


def test_a_folder_that_belongs_to_a_file() -> None:
    found = Companions([b"page.html", b"notes.txt"], folders=[b"page_files", b"notes_files"])
    assert found.of(b"page.html") == [b"page_files/"]
    assert found.owner_of(b"page_files") == b"page.html"
    assert found.owner_of(b"notes_files") is None
    assert companion_table().may_belong(b"notes_files")
    assert not companion_table().may_belong(b"notes")


def test_a_raw_file_and_its_picture_and_the_settings_of_either() -> None:
    names = [b"IMG_1.NEF", b"IMG_1.NEF.xmp", b"IMG_1.JPG", b"img_1.aae", b"IMG_2.JPG"]
    assert Companions(names).of(b"IMG_1.JPG") == [b"IMG_1.NEF", b"IMG_1.NEF.xmp", b"img_1.aae"]


NAMES = st.lists(
    st.sampled_from(
        [example(each) for kind in COMPANIONS for each in (*kind.mains, *kind.others)]
        + [b"Own.en.srt", b"OWN.MKV", b"x", b".", b"..b", b"\xff\xfe.jpg", b"-wal", b"~$", b"._"]
        + [each.encode(code) for each in ("é.mkv", "é.srt") for code in ("utf-8", "latin-1")]
    ),
    unique=True,
    max_size=12,
)


@given(NAMES)
def test_to_belong_together_is_mutual_and_whole(names: list[bytes]) -> None:
    found = Companions(names)
    for name in names:
        together = {name, *found.of(name)}
        assert together <= set(names)
        for other in together:
            assert {other, *found.of(other)} == together


def test_a_user_adds_a_set() -> None:
    table = companion_table((("{stem}.gpx", "{stem}.track-notes"),))
    names = [b"Tour.gpx", b"tour.track-notes"]
    assert Companions(names).of(names[0]) == []
    assert Companions(names, table).of(names[0]) == [names[1]]


@pytest.mark.parametrize("template", ["{stem}.P?", "{stem}.*", "{stem}-@", "{stem}.*.P1"])
def test_a_users_names_may_have_wildcards(template: str) -> None:
    other = template.replace("{stem}", "Tour").replace("?", "x").replace("@", "7").replace("*", "y")
    found = Companions([b"tour.gpx", other.encode()], companion_table((("{stem}.gpx", template),)))
    assert found.of(b"tour.gpx") == [other.encode()]


def test_what_a_companion_is_called_beside_a_copy() -> None:
    assert counterpart(b"x.db-wal", b"x.db", b"x (1).db") == b"x (1).db-wal"
    assert counterpart(b"IMG.xmp", b"IMG.jpg", b"IMG copy.jpg") == b"IMG copy.xmp"
    assert counterpart(b"lock.mdb", b"data.mdb", b"data.mdb") == b"lock.mdb"


def test_a_plain_template_matches_what_its_pattern_matches() -> None:
    table = companion_table()
    templates = {each.text: each for of in table.by_ending.values() for each in of}
    plain = [each for each in templates.values() if each.is_plain]
    assert plain
    for template in plain:
        for key in ("", template.head, f"a{template.head}", f"\n{template.head}", "a.zip", "a"):
            match = companions._pattern(template.text).fullmatch(key)
            assert list(template.stems(key)) == ([] if match is None else [match[1]])
