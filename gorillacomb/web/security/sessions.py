"""Sessions of browsers and programs, and the one-time tokens that begin them.

A session's token is known to its client alone: here, and in the file that keeps sessions over a
restart, is its SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gorillacomb.api.server.state import read_private, write_private
from gorillacomb.api.tokens.checker import ADMIN_KEYS
from gorillacomb.api.tokens.checker import SCOPES as ALL_SCOPES
from gorillacomb.errors import VaultUnwritable

IDLE_SECONDS = 12 * 3600
LONGEST_SECONDS = 7 * 24 * 3600
LOGIN_SECONDS = 600
_MOST_SESSIONS = 64
_MOST_LOGINS = 16
_SAVED_EVERY = 60
"""Seconds: the last use of a session is not written down more often."""
SCOPES = frozenset(ALL_SCOPES) - {ADMIN_KEYS}
"""What a session may do; the rest needs a token."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser or program that has logged in."""

    digest: str
    """SHA-256 of its token, in hex."""
    host: str
    """The name it logged in under: it counts under no other one."""
    secret_digest: str | None
    """SHA-256 of what it must send in a header too, where others may get its cookie."""
    agent: str
    """What its client calls itself."""
    created: int
    used: int
    """Seconds since the epoch."""

    @property
    def id(self) -> str:
        """Its name in a list, from which its token does not follow."""
        return self.digest[:16]

    @property
    def scopes(self) -> frozenset[str]:
        """What it may do."""
        return SCOPES

    def is_alive(self, now: int) -> bool:
        """Return whether it has not expired."""
        return now - self.used < IDLE_SECONDS and 0 <= now - self.created < LONGEST_SECONDS


class LoginTokens:
    """One-time tokens: each begins one session, within ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def create(self) -> str:
        """Return a new token. The oldest is dropped if there are too many."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._ends[_digest(token)] = self._clock() + LOGIN_SECONDS
            while len(self._ends) > _MOST_LOGINS:
                del self._ends[next(iter(self._ends))]
        return token

    def use(self, token: str) -> bool:
        """Return whether a token begins a session, which it does once."""
        with self._lock:
            end = self._ends.pop(_digest(token), None)
        return end is not None and self._clock() < end


class Sessions:
    """The sessions of one vault's server, kept in a file."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        """Read the sessions. Raises VaultError for a file that cannot be used."""
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._saved = 0
        try:
            found = [Session(**fields) for fields in json.loads(read_private(file) or "[]")]
        except (ValueError, TypeError):
            found = []  # damaged: whoever was logged in does it again
        self._sessions = {session.digest: session for session in found}

    def create(self, host: str, agent: str, *, needs_secret: bool) -> tuple[str, str | None]:
        """Begin a session; return its token, and its secret if it needs one.

        The one that was not used for longest ends if there are too many. Raises VaultError.
        """
        token = secrets.token_urlsafe(32)
        secret = secrets.token_urlsafe(32) if needs_secret else None
        now = int(self._clock())
        kept = None if secret is None else _digest(secret)
        session = Session(_digest(token), host, kept, agent[:200], now, now)
        with self._lock:
            self._drop_dead(now)
            self._sessions[session.digest] = session
            while len(self._sessions) > _MOST_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda it: self._sessions[it].used)]
            self._save(now)
        return token, secret

    def find(self, token: str, host: str) -> Session | None:
        """Return the session of a token under a name, and note that it was used; None if none."""
        now = int(self._clock())
        with self._lock:
            session = self._sessions.get(_digest(token))
            if session is None or session.host != host or not session.is_alive(now):
                return None
            session = self._sessions[session.digest] = replace(session, used=now)
            if now - self._saved >= _SAVED_EVERY:
                with suppress(VaultUnwritable):  # a full disk: it is noted later
                    self._save(now)
        return session

    def is_alive(self, digest: str) -> bool:
        """Return whether a session has not ended."""
        with self._lock:
            session = self._sessions.get(digest)
        return session is not None and session.is_alive(int(self._clock()))

    def end(self, digest: str) -> None:
        """End a session, if it exists. Raises VaultError."""
        with self._lock:
            if self._sessions.pop(digest, None) is not None:
                self._save(int(self._clock()))

    def end_all(self) -> None:
        """End all sessions. Raises VaultError."""
        with self._lock:
            if self._sessions:
                self._sessions.clear()
                self._save(int(self._clock()))

    def all(self) -> list[Session]:
        """Return those that have not expired, the last one used first."""
        now = int(self._clock())
        with self._lock:
            self._drop_dead(now)
            return sorted(self._sessions.values(), key=lambda it: -it.used)

    def _drop_dead(self, now: int) -> None:
        self._sessions = {key: each for key, each in self._sessions.items() if each.is_alive(now)}

    def _save(self, now: int) -> None:
        self._saved = now
        data = json.dumps([asdict(each) for each in self._sessions.values()])
        write_private(self._file, data.encode())


def has_secret(session: Session, secret: str | None) -> bool:
    """Return whether a request has the secret of its session, if that needs one."""
    if session.secret_digest is None:
        return True
    return secret is not None and hmac.compare_digest(_digest(secret), session.secret_digest)


def form_token(session_token: str) -> str:
    """Return what the forms of a session carry: another site cannot know it."""
    return hmac.new(session_token.encode(), b"form", "sha256").hexdigest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
