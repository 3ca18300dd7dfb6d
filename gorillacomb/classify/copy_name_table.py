"""What file managers, browsers and services add to the names of copies, in their languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_GNOME = (
    "https://gitlab.gnome.org/GNOME/nautilus/-/tree/main/po: 'Copy' since October 2023,"
    " ' (copy)' before"
)
_THUNAR = (
    "https://gitlab.xfce.org/xfce/thunar/-/tree/thunar-1.2.0/po: 'copy of %s', until version 1.6.4"
)
_FINDER = (
    "http://docserver.scripting.com/Finder/duplicate (adds 'copy'), in the language of the Mac"
)
_EXPLORER = (
    "Windows Explorer, in its language, as seen in file names in public repositories: ' - Copy' is"
    " put behind a name, unless CopyNameTemplate in HKCU\\Software\\Microsoft\\Windows\\"
    "CurrentVersion\\Explorer\\NamingTemplates says otherwise"
)
_EXPLORER_XP = "Windows Explorer until XP, as seen in file names in public repositories"
_DRIVE = (
    "Google Drive's 'Make a copy', in the user's language; documented for English and Portuguese:"
    " https://support-staging.aodocs.com/hc/en-us/articles/204939894,"
    " https://kfcdicasdigital.com/?p=1855; in others as seen in file names in public repositories"
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
    """Whether a separator precedes it; a particle joins it to the name in some languages."""
    only_in_brackets: bool = False
    """Whether it counts as in ``x (copy)`` alone.

    So where no program writes it otherwise, since it means something else in another language
    (``kopje``), or people end names with it (``통장사본``).
    """


COPY_WORDS: Final = (
    CopyWord("copy", "en", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("kopie", "de, nl, cs, af", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("copie", "fr, ro, fur", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("copia", "es, it, gl, ro", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("cópia", "pt, pt_BR", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("còpia", "ca, oc", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("kopia", "pl, sv, eu", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("kopio", "fi, eo", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("kópia", "sk", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("másolat", "hu", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("kopya", "tr", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("kopija", "hr, sl, lt, lv, bs", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("копия", "ru", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("копие", "bg", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("копія", "uk, be", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("копија", "sr, mk", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("αντιγραφή", "el", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("עותק", "he", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("نسخة", "ar", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("sao chép", "vi", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("salinan", "id, ms", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("kopyası", "tr", _FINDER),
    CopyWord("สำเนา", "th", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("コピー", "ja", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("副本", "zh_CN, zh_TW", f"{_GNOME}; {_FINDER}; {_EXPLORER}"),
    CopyWord("複製", "zh_TW", f"{_GNOME}; {_EXPLORER}"),
    CopyWord("拷貝", "zh_TW", _FINDER),
    CopyWord("拷贝", "zh_CN", "Adobe Photoshop's 'Save a Copy' in Chinese"),
    CopyWord("복사본", "ko", _EXPLORER),
    CopyWord("のコピー", "ja", f"{_FINDER}; {_DRIVE}", is_apart=False),
    CopyWord("的副本", "zh_CN", f"{_FINDER}; {_DRIVE}", is_apart=False),
    CopyWord("의 사본", "ko", _DRIVE, is_apart=False),
    *(
        CopyWord(word, languages, only_in_brackets=True)
        for word, languages in (
            ("copiar", "es, gl, ast, an, oc, ia"),
            ("kopijuoti", "lt"),
            ("kopēt", "lv"),
            ("kopiatu", "eu"),
            ("kopiraj", "sr@latin"),
            ("kopiram", "sr@latin"),
            ("копирај", "sr"),
            ("копиране", "bg"),
            ("умножак", "sr"),
            ("umnožak", "sr@latin"),
            ("kopi", "da, nb, nn"),
            ("koopia", "et"),
            ("αντίγραφο", "el"),
            ("העתק", "he"),
            ("העתקה", "he"),
            ("salin", "id"),
            ("bản sao", "vi"),
            ("afrit", "is"),
            ("afrita", "is"),
            ("avrit", "fo"),
            ("kopje", "sq"),
            ("kopiya", "crh"),
            ("kopî", "ku"),
            ("copi", "cy"),
            ("cóip", "ga"),
            ("lethbhreac", "gd"),
            ("eilad", "br"),
            ("copeye", "wa"),
            ("anɣel", "kab"),
            ("nɣel", "kab"),
            ("nüsxə", "az"),
            ("nusxa", "uz"),
            ("nusxalash", "uz"),
            ("нусха", "tg, uz@cyrillic"),
            ("nusgala", "tk"),
            ("көшірме", "kk"),
            ("كۆچۈر", "ug"),
            ("نسخه", "fa"),
            ("رونوشت", "fa"),
            ("प्रतिलिपि", "hi"),
            ("कॉपी करें", "hi"),
            ("प्रतिलिपि गर्नुहोस्", "ne"),
            ("प्रत", "mr"),
            ("অনুলিপি", "bn"),
            ("প্রতিলিপি", "bn_IN"),
            ("কপি", "as, bn"),
            ("ਕਾਪੀ", "pa"),
            ("નકલ", "gu"),
            ("ନକଲ", "or"),
            ("நகலெடு", "ta"),
            ("నకలు", "te"),
            ("ನಕಲು ಪ್ರತಿ", "kn"),
            ("පිටපත", "si"),
            ("ကော်ပီ", "my"),
            ("မိတ္တူ", "my"),
            ("ასლი", "ka"),
            ("კოპირება", "ka"),
            ("ቅጂ", "am"),
            ("사본", "ko"),
            ("复件", "zh_CN"),
        )
    ),
)

COPY_BEGINNINGS: Final = (
    ("copy of ", "en", f"{_DRIVE}; {_THUNAR}"),
    ("copy (@) of ", "en", _EXPLORER_XP),
    ("kopie (@) von ", "de", _EXPLORER_XP),
    ("copie (@) de ", "fr", _EXPLORER_XP),
    ("copia (@) de ", "es", _EXPLORER_XP),
    ("复件 (@) ", "zh_CN", _EXPLORER_XP),
    ("复件 ", "zh_CN", _EXPLORER_XP),
    ("コピー ～ ", "ja", _EXPLORER_XP),
    ("コピー (@) ～ ", "ja", _EXPLORER_XP),
    ("kopie von ", "de", f"{_DRIVE}; {_THUNAR}"),
    ("kopie van ", "nl", f"{_DRIVE}; {_THUNAR}"),
    ("copie de ", "fr", f"{_DRIVE}; {_THUNAR}"),
    ("copia de ", "es, gl", f"{_DRIVE}; {_THUNAR}"),
    ("copia di ", "it", f"{_DRIVE}; {_THUNAR}"),
    ("cópia de ", "pt", f"{_DRIVE}; {_THUNAR}"),
    ("còpia de ", "ca", f"{_DRIVE}; {_THUNAR}"),
    ("kopia av ", "sv", f"{_DRIVE}; {_THUNAR}"),
    ("kopi af ", "da", f"{_DRIVE}; {_THUNAR}"),
    ("kopi av ", "nb", f"{_DRIVE}; {_THUNAR}"),
    ("kopia pliku ", "pl", _DRIVE),
    ("kopie souboru ", "cs", _DRIVE),
    ("копия ", "ru", f"{_DRIVE}; {_THUNAR}"),
    ("копія ", "uk", f"{_DRIVE}; {_THUNAR}"),
    ("αντίγραφο του ", "el", _THUNAR),
    ("עותק של ", "he", f"{_DRIVE}; {_THUNAR}"),
    ("salinan dari ", "id", _THUNAR),
    ("backup of ", "en", "Word's 'Always create backup copy': Backup of x.wbk"),
    ("backup_of_", "en", _COREL),
)
"""Prefixes of names; ``@`` is a number. A longer one precedes what it begins with."""


@dataclass(frozen=True, slots=True)
class CopyMark:
    """A suffix of a name, before its extension: a regular expression, and an example."""

    pattern: str
    example: str
    source: str


COPY_MARKS: Final = (
    CopyMark(
        r"\ -\ kopi(?:\ \(\d+\))?",
        "x - kopi.txt",
        f"Danish and Norwegian: {_EXPLORER}; kopi alone is coffee in Indonesian and Malay",
    ),
    CopyMark(
        r"\ ?\((?:別の|\d+番目の)?コピー(?:_\d+)?\)",
        "x (別のコピー).txt",
        _GNOME,
    ),
    CopyMark(
        r"\ ?(?:\(|（)(?:另一个|另一個|第\ ?\d+\ ?(?:个|個))?(?:副本|复件|複製)(?:\ \d+)?(?:\)|）)",
        "x （另一个复件）.txt",
        _GNOME,
    ),
    CopyMark(
        r"\ ?\((?:อีกสำเนา|สำเนาอื่น|สำเนาที่\ \d+)\)",
        "x (สำเนาที่ 2).txt",
        _GNOME,
    ),
    CopyMark(
        r"\ ?\(\d+\)",
        "x (1).txt",
        "https://chromium.googlesource.com/chromium/src/+/main/base/files/file_util.cc"
        " (GetUniquePath), https://github.com/KDE/kcoreaddons/blob/master/src/lib/io/kfileutils.cpp"
        " (makeSuggestedName); Firefox, Explorer, Google Drive, and Nautilus' keep both",
    ),
    CopyMark(
        r"[\ _-]*\(?[^()/]*conflicted\ copy[^()/]*\)?",
        "x (Anna's conflicted copy 2024-01-01).txt",
        "https://help.dropbox.com/syncing-uploads/conflicted-copy; "
        "https://docs.nextcloud.com/server/latest/user_manual/en/desktop/conflicts.html",
    ),
    CopyMark(
        r"\ ?\([^()/]*(?:競合コピー|冲突副本|衝突複本)[^()/]*\)",
        "x (Anna の競合コピー 2023-10-29).txt",
        "https://help.dropbox.com/syncing-uploads/conflicted-copy, in Japanese and Chinese",
    ),
    CopyMark(
        r"\ ?\(case\ clash\ from\ [^()/]*\)",
        "x (case clash from Anna 2026-10-03 101500).txt",
        "https://github.com/nextcloud/desktop/blob/master/src/common/utility.cpp"
        " (makeCaseClashConflictFileName)",
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
        "https://github.com/owncloud/client: the desktop client before version 2.5",
    ),
    CopyMark(
        r"\.sync-conflict-\d{8}-\d{6}(-[A-Z0-9]{7})?",
        "x.sync-conflict-20200101-123456-ABCDEFG.txt",
        "https://docs.syncthing.net/users/syncing.html#conflicting-changes,"
        " https://github.com/syncthing/syncthing/blob/main/lib/model/folder_sendrecv.go",
    ),
    CopyMark(
        r"-(?:DESKTOP|LAPTOP)-(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z0-9]{6,8}(?:-\d+)?",
        "x-DESKTOP-AB12CD7.txt",
        "OneDrive adds the computer's name to one of two versions, as its other clients do"
        " (https://github.com/abraunegg/onedrive/issues/207); Windows makes up such names, of"
        " letters and digits: without both, as in preferences-desktop-display, it is a word",
    ),
    CopyMark(
        r"\ \(SFConflict\ [^()/]*\)",
        "x (SFConflict anna@example.com 2020-01-01-12-00-00).txt",
        "https://github.com/haiwen/seafile-server/blob/master/common/vc-common.c",
    ),
    CopyMark(
        r"\ ?\[conflict(ed)?[^\]/]*\]",
        "x [conflicted].txt",
        "pCloud: https://help.pcloud.com/article/files-not-recommended-for-sync-backup-or-uploads",
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
    r"^(desktop|schreibtisch|escritorio|scrivania|bureaublad|skrivbord|skrivebord)$",
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
    rf"[-_ ]?[(\[](old|backup|bak|orig){_DATE}[)\]](\.[^.\s]{{1,8}})?$",
    r"\.(bak|orig|old|tmp)$",
    r"~$",
)
"""The same, and what editors and people append to the names of things kept for a while."""

VERSION_WORDS: Final = ("old", "older", "new", "bak", "backup", "orig", "final", r"v\d+", "[2-9]")
"""What people append to the name of a folder that they copied."""
