"""Scrolls: signed statements under which licence, with what funding a manifest may be released."""
