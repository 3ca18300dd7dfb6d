"""What systemd is told (sd_notify(3)), where it started us."""

from __future__ import annotations

import os
import socket


def notify_systemd(state: str) -> None:
    """Send a state, such as ``READY=1``; nothing where nobody asked for it or listens any more."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(state.encode())
        except OSError:
            return  # systemd finds out by itself who is silent
