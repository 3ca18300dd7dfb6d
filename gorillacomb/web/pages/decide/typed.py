"""Numbers that people type to show that they read them."""

from __future__ import annotations


def is_typed(text: str, number: int) -> bool:
    """Return whether a text is a number, in whatever way its thousands are grouped."""
    digits = "".join(text.split())
    for separator in (",", ".", "'", "’", "_"):
        digits = digits.replace(separator, "")
    return digits.isascii() and digits.isdecimal() and len(digits) < 20 and int(digits) == number
