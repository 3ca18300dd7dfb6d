"""Names that say copy, leftover or temporary place."""

from __future__ import annotations

import re
from functools import lru_cache

_SMELLS = re.compile(
    rb"""
    ^copy\ (\(\d+\)\ )?of\ | ^kopie\ von\ | ^copie\ de\ | ^copia\ de\        # Copy of report.pdf
    | \ ?\(\d+\)(\.[^.]*)?$                                                 # report (1).pdf
    | [\s_-]copy(\s?\(?\d+\)?)?(\.[^.]*)?$                                  # report - Copy.pdf
    | \(?conflicted\ copy | \bconflict[-_ ]\d{8}                            # sync conflicts
    | ^new\ folder | ^untitled\ folder | ^neuer\ ordner
    | ^(te?mp|cache|caches|downloads?|backups?|bak|old|trash|recycled?)$
    | ^temp\ | ^temp[-_ ]?folder | ^backup\ of\  | [-_ ](old|backup|bak|orig)$
    | ^\.trash | ^\$recycle\.bin$ | ^lost\+found$
    | _files$
    | \.(bak|orig|old|tmp)$ | ~$
    """,
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=65536)
def looks_like_copy(name: bytes) -> bool:
    """Whether a file's or folder's name says that it is a copy, a leftover or a passing place."""
    return _SMELLS.search(name) is not None
