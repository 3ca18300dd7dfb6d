"""Sort files into the kinds that a person has: pictures, videos, documents, code."""

from __future__ import annotations

from enum import StrEnum

from gorillacomb.classify.media import FILMS, MUSIC, PHOTOS


class ContentKind(StrEnum):
    """What a file holds, judged by the ending of its name."""

    PICTURES = "pictures"
    VIDEO = "video"
    MUSIC = "music"
    DOCUMENTS = "documents"
    MAIL = "mail"
    CODE = "code"
    DATA = "data"
    ARCHIVES = "archives"
    PROGRAMS = "programs"
    OTHER = "other"


_ENDINGS = {
    ContentKind.PICTURES: f"{PHOTOS} svg psd xcf ai eps ico",
    ContentKind.VIDEO: f"{FILMS} flv vob ogv srt sub",
    ContentKind.MUSIC: f"{MUSIC} m4b mid m3u",
    ContentKind.DOCUMENTS: (
        "pdf doc docx dot dotx odt ods odp odg rtf txt md tex epub mobi azw3 djvu xls xlsx xlsm ppt"
        " pptx pages numbers key gdoc gsheet gslides"
    ),
    ContentKind.MAIL: "eml emlx mbox msg pst ost vcf ics",
    ContentKind.CODE: (
        "py pyi ipynb js jsx mjs cjs ts tsx vue c h cc cpp cxx hpp rs go java kt kts scala swift m"
        " mm cs rb php pl pm lua r jl sh bash zsh fish ps1 bat sql html htm css scss sass less map"
        " toml yaml yml json xml ini cfg conf lock gradle cmake proto"
    ),
    ContentKind.DATA: "csv tsv parquet feather arrow db sqlite sqlite3 mdb accdb npy npz h5 hdf5",
    ContentKind.ARCHIVES: (
        "zip gz tgz bz2 tbz xz txz zst 7z rar tar lz lzma iso img dmg vmdk vdi qcow2 wim cab bak"
    ),
    ContentKind.PROGRAMS: (
        "exe dll msi app apk ipa deb rpm jar war class so a o dylib node pyc pyd wasm whl bin"
    ),
}
_KINDS = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


_ALSO_CODE = "mts"
"""An ending of films, and of modules in TypeScript."""
_LEAST_FILM = 1 << 20
"""Bytes; modules are smaller."""


def content_kind(ending: str, mean_bytes: int) -> ContentKind:
    """Return the kind of files with an ending, which is in lower case and has no dot.

    ``mean_bytes`` is their size, which tells what else an ending of two meanings may be.
    """
    if ending == _ALSO_CODE and mean_bytes < _LEAST_FILM:
        return ContentKind.CODE
    return _KINDS.get(ending, ContentKind.OTHER)


def kind_of_name(name: bytes, size: int) -> ContentKind:
    """Return the kind of a file by its name; its size tells what else some endings may be."""
    stem, _, ending = name.lstrip(b".").rpartition(b".")
    return content_kind(ending.decode("utf-8", "replace").lower() if stem else "", size)
