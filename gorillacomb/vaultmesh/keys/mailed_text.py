"""Undo what mail programs and editors do to a signed text, where nothing signed is lost by it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from typing import TypeVar

from gorillacomb.errors import UntrustedInput

Parsed = TypeVar("Parsed")

_LINE_END = re.compile(rb"\r*\n|\r")
_BLANKS = b" \t"
_DASH = "\u2014".encode()
_CHANGES = (
    (
        re.compile(rb"=E2=80=94|=3D", re.IGNORECASE),
        "It is in the quoted-printable encoding of mails.",
        "Save it as an attachment, or decode it: python3 -m quopri -d FILE",
    ),
    (
        re.compile(rb"^>", re.MULTILINE),
        "Its lines begin with >, as in the answer to a mail.",
        "Take the marks off its lines, or save it from the first mail.",
    ),
    (
        re.compile(rb"^[ \t\xa0]|^\xc2\xa0", re.MULTILINE),
        "Its lines begin with blanks, as mail programs put them there (format=flowed).",
        "Take the blanks off the beginnings of its lines, or save it as an attachment.",
    ),
    (
        re.compile(rb"\n\n\n|\n\n[^\n]+\n\n[^\n]+\n\n"),
        "Blank lines stand between its lines.",
        "Take them out but for the one before the signature, or save it as an attachment.",
    ),
    (
        re.compile(rb"\n\n(?!%b)[^\n A-Za-z0-9]{1,12} \S+ [A-Za-z0-9+/]{40,}=*\n" % _DASH),
        "The dash (U+2014) before its signature was changed into another character.",
        "Put the dash back, or save it as an attachment, in UTF-8.",
    ),
    (
        re.compile(
            rb"\n%b \S+\n.|\n%b [^\n]+\n(?!%b ).|^extra [^\n]*\n(?!index )" % ((_DASH,) * 3),
            re.MULTILINE,
        ),
        "A long line in it is broken in two, or another text stands below its signature.",
        "Put its lines together again, or save it as an attachment.",
    ),
)
"""What a mail program does that leaves open what was there before: its mark, and the words."""


def without_mail_marks(data: bytes) -> bytes:
    """Return a signed text with its own line ends and margins, in UTF-8.

    Carriage returns, a byte order mark, blanks at the end of a line and blank lines at both ends
    are in no checkpoint, proof or public key: they are taken off, and a lost last newline is put
    back. Whether what is left is signed remains to be checked.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    lines = _LINE_END.split(data.removeprefix(BOM_UTF8))
    text = b"\n".join(line.rstrip(_BLANKS) for line in lines).strip(b"\n")
    return text + b"\n" if text else b""


def parse_mailed(data: bytes, parse: Callable[[bytes], Parsed]) -> Parsed:
    """Return what ``parse`` makes of a signed text that may have come by mail.

    Raises UntrustedInput as ``parse`` does, with what a mail program did to the text, if that
    shows.
    """
    text = without_mail_marks(data)
    try:
        return parse(text)
    except UntrustedInput as refused:
        for mark, words, hint in _CHANGES:
            if mark.search(text):
                raise UntrustedInput(f"{refused.message} {words}", hint) from refused
        if data + b"\n" == text:
            return parse(data)  # which says of one that was cut short that it was
        raise
