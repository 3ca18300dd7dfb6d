"""Undo what mail programs and editors do to a signed text, as far as no signed byte is lost."""

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
        "Its lines begin with >, as in a reply to a mail.",
        "Remove the marks from its lines, or save it from the original mail.",
    ),
    (
        re.compile(rb"^[ \t\xa0]|^\xc2\xa0", re.MULTILINE),
        "Its lines begin with blanks, as mail programs put them there (format=flowed).",
        "Remove the blanks at the start of its lines, or save it as an attachment.",
    ),
    (
        re.compile(rb"\n\n\n|\n\n[^\n]+\n\n[^\n]+\n\n"),
        "There are blank lines between its lines.",
        "Remove all but the one before the signature, or save it as an attachment.",
    ),
    (
        re.compile(rb"\n\n(?!%b)[^\n A-Za-z0-9]{1,12} \S+ [A-Za-z0-9+/]{40,}=*\n" % _DASH),
        "The dash (U+2014) before its signature was changed into another character.",
        "Restore the dash, or save it as an attachment, in UTF-8.",
    ),
    (
        re.compile(
            rb"\n%b \S+\n.|\n%b [^\n]+\n(?!%b ).|^extra [^\n]*\n(?!index )" % ((_DASH,) * 3),
            re.MULTILINE,
        ),
        "A long line in it is broken in two, or another text follows its signature.",
        "Join its lines again, or save it as an attachment.",
    ),
)
"""Irreversible changes by mail programs: the pattern, and the message."""


def without_mail_marks(data: bytes) -> bytes:
    """Return a signed text with its original line ends and margins, in UTF-8.

    Carriage returns, a byte order mark, trailing blanks and blank lines at both ends do not occur
    in any checkpoint, proof or public key: they are removed, and a missing final newline is
    restored. Whether the result is signed remains to be checked.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    lines = _LINE_END.split(data.removeprefix(BOM_UTF8))
    text = b"\n".join(line.rstrip(_BLANKS) for line in lines).strip(b"\n")
    return text + b"\n" if text else b""


def parse_mailed(data: bytes, parse: Callable[[bytes], Parsed]) -> Parsed:
    """Apply ``parse`` to a signed text that may have come by mail.

    Raises UntrustedInput as ``parse`` does, adding what a mail program did to the text, if that is
    recognized.
    """
    text = without_mail_marks(data)
    try:
        return parse(text)
    except UntrustedInput as refused:
        for mark, words, hint in _CHANGES:
            if mark.search(text):
                raise UntrustedInput(f"{refused.message} {words}", hint) from refused
        if data + b"\n" == text:
            return parse(data)  # a truncated text is reported as such
        raise
