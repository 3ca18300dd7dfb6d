"""What file managers, browsers and services add to the names of copies, in their languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_GNOME = "https://gitlab.gnome.org/GNOME/nautilus/-/tree/main/po: ' (copy)' in 2020, 'Copy' in 2026"
_GNOME_ONCE = (
    "https://gitlab.gnome.org/GNOME/nautilus/-/tree/main/po: ' (copy)', of the years before 2020"
)
_FINDER = (
    "http://docserver.scripting.com/Finder/duplicate (adds 'copy'), in the language of the Mac"
)
_EXPLORER = (
    "Windows Explorer, in its language: ' - Copy' is put behind a name, unless CopyNameTemplate in"
    " HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\NamingTemplates says otherwise"
)
_DRIVE = (
    "Google Drive's 'Make a copy', in the user's language; documented for English and Portuguese:"
    " https://support-staging.aodocs.com/hc/en-us/articles/204939894,"
    " https://kfcdicasdigital.com/?p=1855"
)
_COREL = (
    "http://www.oberonplace.com/draw/tricks/recover.htm: CorelDRAW puts BACKUP_OF_ before a name"
)


@dataclass(frozen=True, slots=True)
class CopyWord:
    """A word for copy, as appended to a name: ``x - Copy``, ``x copy 2``, ``x (3rd copy)``."""

    word: str
    languages: str
    source: str = _GNOME
    is_apart: bool = True
    """Whether a separator precedes it; Chinese, Japanese and Korean need none."""


COPY_WORDS: Final = (
    CopyWord("copy", "en", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("kopie", "de, nl, cs", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("copie", "fr, ro", f"{_FINDER}; {_EXPLORER}"),
    CopyWord("copia", "es, it, pt_BR, ro", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("cópia", "pt, pt_BR", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("còpia", "ca"),
    CopyWord("kopia", "pl, sv"),
    CopyWord("kopian", "sv"),
    CopyWord("kopi", "da, nb"),
    CopyWord("kopio", "fi"),
    CopyWord("kópia", "sk"),
    CopyWord("másolat", "hu"),
    CopyWord("kopya", "tr"),
    CopyWord("kopija", "hr, sl, lt"),
    CopyWord("koopia", "et"),
    CopyWord("копия", "ru"),
    CopyWord("копие", "bg"),
    CopyWord("копія", "uk"),
    CopyWord("копија", "sr"),
    CopyWord("αντίγραφο", "el"),
    CopyWord("αντιγραφή", "el"),
    CopyWord("עותק", "he"),
    CopyWord("העתק", "he"),
    CopyWord("نسخة", "ar"),
    CopyWord("bản sao", "vi"),
    CopyWord("sao chép", "vi"),
    CopyWord("salinan", "id"),
    CopyWord("kopyası", "tr", _FINDER),
    CopyWord("kopje", "sq", _GNOME_ONCE),
    CopyWord("kopja", "sq", _GNOME_ONCE),
    CopyWord("kopiya", "crh", _GNOME_ONCE),
    CopyWord("kopî", "ku", _GNOME_ONCE),
    CopyWord("copi", "cy", _GNOME_ONCE),
    CopyWord("cóip", "ga", _GNOME_ONCE),
    CopyWord("nüsxə", "az", _GNOME_ONCE),
    CopyWord("нусха", "tg, uz", _GNOME_ONCE),
    CopyWord("көшірме", "kk"),
    CopyWord("afrit", "is", _EXPLORER),
    CopyWord("رونوشت", "fa"),
    CopyWord("प्रतिलिपि", "hi, ne", _EXPLORER),
    CopyWord("प्रत", "mr", _GNOME_ONCE),
    CopyWord("অনুলিপি", "bn", _GNOME_ONCE),
    CopyWord("প্রতিলিপি", "bn_IN", _GNOME_ONCE),
    CopyWord("நகல்", "ta", _GNOME_ONCE),
    CopyWord("నకలు", "te", _GNOME_ONCE),
    CopyWord("สำเนา", "th", f"{_GNOME}; {_EXPLORER}", is_apart=False),
    CopyWord("မိတ္တူ", "my", is_apart=False),
    CopyWord("コピー", "ja", f"{_GNOME}; {_FINDER}; {_EXPLORER}", is_apart=False),
    CopyWord("副本", "zh_CN, zh_TW", f"{_GNOME}; {_FINDER}; {_EXPLORER}", is_apart=False),
    CopyWord("复件", "zh_CN", is_apart=False),
    CopyWord("複製", "zh_TW", is_apart=False),
    CopyWord("복사본", "ko", "Windows Explorer in Korean", is_apart=False),
    CopyWord("사본", "ko", is_apart=False),
)

COPY_BEGINNINGS: Final = (
    ("copy of ", "en", _DRIVE),
    ("copy (@) of ", "en", "Windows Explorer until XP"),
    ("kopie von ", "de", _DRIVE),
    ("kopie van ", "nl", _DRIVE),
    ("copie de ", "fr", _DRIVE),
    ("copia de ", "es", _DRIVE),
    ("copia di ", "it", _DRIVE),
    ("cópia de ", "pt", _DRIVE),
    ("còpia de ", "ca", _DRIVE),
    ("kopia av ", "sv", _DRIVE),
    ("kopi af ", "da", _DRIVE),
    ("kopi av ", "nb", _DRIVE),
    ("kopia pliku ", "pl", _DRIVE),
    ("kopie souboru ", "cs", _DRIVE),
    ("копия ", "ru", _DRIVE),
    ("копія ", "uk", _DRIVE),
    ("backup of ", "en", "Word's 'Always create backup copy': Backup of x.wbk"),
    ("backup_of_", "en", _COREL),
)
"""Prefixes of names; ``@`` is a number."""


@dataclass(frozen=True, slots=True)
class CopyMark:
    """A suffix of a name, before its extension: a regular expression, and an example."""

    pattern: str
    example: str
    source: str


COPY_MARKS: Final = (
    CopyMark(
        r"\ ?\((?:copiar|kopijuoti|salin|kopēt|afrita|kopiatu|kopiram|[Кк]опиране|კოპირება|העתקה)"
        r"(?:\ \d+)?\)",
        "x (copiar 2).txt",
        f"{_GNOME}; in es, lt, lv, is, eu, sr, id, bg, ka and he it was taken for the verb",
    ),
    CopyMark(
        r"\ ?\(\d+\)",
        "x (1).txt",
        "https://chromium.googlesource.com/chromium/src/+/main/base/files/file_util.cc"
        " (GetUniquePath); Firefox, Explorer, KDE's KFileUtils::suggestName, Google Drive",
    ),
    CopyMark(
        r"[\ _-]*\(?[^()/]*conflicted\ copy[^()/]*\)?",
        "x (Anna's conflicted copy 2024-01-01).txt",
        "https://help.dropbox.com/syncing-uploads/conflicted-copy; "
        "https://docs.nextcloud.com/server/latest/user_manual/en/desktop/conflicts.html",
    ),
    CopyMark(
        r"\ ?\((?:case|unicode\ encoding|selective\ sync|white\ space|shared\ folder)\ conflict"
        r"(?:\ \d[^()/]*)?\)",
        "x (Case Conflict).txt",
        "https://help.dropbox.com/organize/case-conflict,"
        " https://www.dropbox.com/help/syncing-uploads/white-space-conflict",
    ),
    CopyMark(
        r"_conflict-\d{8}-\d{6}",
        "x_conflict-20200101-123456.txt",
        "ownCloud's desktop client before version 2.5",
    ),
    CopyMark(
        r"\.sync-conflict-\d{8}-\d{6}(-[A-Z0-9]{7})?",
        "x.sync-conflict-20200101-123456-ABCDEFG.txt",
        "https://docs.syncthing.net/users/syncing.html#conflicting-changes",
    ),
    CopyMark(
        r"[-_\ ]conflict[-_\ ]\d{8}[^./]*",
        "x-conflict-20200101.txt",
        "no one's alone: the word and a date, as several clients that synchronise write it",
    ),
    CopyMark(
        r"-(DESKTOP|LAPTOP)-[A-Z0-9]{6,8}(-\d+)?",
        "x-DESKTOP-AB12CD7.txt",
        "OneDrive adds the computer's name to one of two versions, as its other clients do"
        " (https://github.com/abraunegg/onedrive/issues/207); Windows makes up such names",
    ),
    CopyMark(
        r"\ \(SFConflict\ [^()/]*\)",
        "x (SFConflict anna@example.com 2020-01-01-12-00-00).txt",
        "https://github.com/haiwen/seafile-server: '%s (SFConflict %s %s)'",
    ),
    CopyMark(
        r"\ ?\[conflict(ed)?[^\]/]*\]|_conf\(\d+\)",
        "x [Conflict].txt",
        "Google Drive's clients; 'conflicted' is pCloud's word:"
        " https://help.pcloud.com/article/files-not-recommended-for-sync-backup-or-uploads",
    ),
)

NUMBERS: Final = (
    CopyMark(
        r"\ [2-9]|\ [1-9]\d",
        "x 2.txt",
        "https://www.wisfile.ai/faq/how-does-macos-handle-file-name-conflicts",
    ),
)
"""Finder's and iCloud's 'keep both'. Other names end like this too, such as ``Chapter 2``: weak
evidence."""

WEAK_NUMBERS: Final = (CopyMark(r"[-_]\d{1,2}", "x-1.txt", "Safari's downloads"),)
"""The same, but even weaker evidence."""

_DATE = r"(?:[-_.\ ]?[(]?\d[-_.:\d]*[)]?)?"
"""A number, a year or a date after a word: ``Backup 2022``, ``backup-2023-01-02``."""

PASSING_PLACES: Final = (
    r"^new\ folder",
    r"^untitled\ folder",
    r"^neuer\ ordner",
    r"^(te?mp|cache|caches|downloads?|trash|recycled?)$",
    rf"^(backups?|bak|old){_DATE}$",
    r"^temp\ ",
    r"^temp[-_ ]?folder",
    r"^\.trash",
    r"^\$recycle\.bin$",
    r"^lost\+found$",
    r"_files$",
)
"""Names of folders in which things are left, whatever they are."""

LEFTOVERS: Final = (
    *PASSING_PLACES,
    rf"[-_ ](old|backup|bak|orig){_DATE}$",
    r"\.(bak|orig|old|tmp)$",
    r"~$",
)
"""The same, and what editors and people append to the names of things kept for a while."""

VERSION_WORDS: Final = ("old", "older", "new", "bak", "backup", "orig", "final", r"v\d+", "[2-9]")
"""What people append to the name of a folder that they copied."""
