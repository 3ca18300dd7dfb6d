"""Notify systemd (sd_notify(3)) if it started us."""

from __future__ import annotations

import os
import socket


def notify_systemd(state: str) -> None:
    """Send a state, such as ``READY=1``; do nothing if no socket was given or nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(state.encode())
        except OSError:
            return  # systemd notices silent services by itself
