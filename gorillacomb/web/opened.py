"""Open the first page in the user's browser without its token being seen by other users."""

from __future__ import annotations

import html
import webbrowser

from gorillacomb.api.server.state import server_folder, write_private
from gorillacomb.api.vault import Vault


def open_in_browser(vault: Vault, address: str) -> bool:
    """Open an address by way of a file that only the user can read; return whether that worked.

    The arguments of a process, which an address would be in, can be read by everyone.
    """
    file = server_folder(vault) / "open.html"
    page = f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(address)}">'
    write_private(file, page.encode())
    return webbrowser.open(file.as_uri())
