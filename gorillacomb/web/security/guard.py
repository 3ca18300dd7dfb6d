"""What every request passes before any route sees it.

Read from the outside in: the name that it was sent to, its address, the page that it comes from,
the session that it belongs to, the size of its body. What browsers do is after Fetch Metadata (W3C)
and RFC 6265bis: cookies do not know ports, so a cookie alone proves nothing under a name that other
programs have too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gorillacomb.api.server.drops import MOST_FILE, MOST_FORM
from gorillacomb.api.tokens.checker import InvalidToken, TokenChecker
from gorillacomb.errors import GorillaCombError
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import no_session
from gorillacomb.web.security.bearer import (
    Bearer,
    bearer_token,
    refuse_foreign_page,
    refused_token,
)
from gorillacomb.web.security.headers import HEADERS
from gorillacomb.web.security.hosts import HostKind, HostNames, name_of
from gorillacomb.web.security.sessions import Session, Sessions, has_secret

API = "/api/"
SESSION_PATH = "/api/v1/session"
LOGIN_PATH = "/login"
LOGOUT_PATH = "/logout"
HEALTH_PATH = "/health"
SECRET_HEADER = "x-gorillacomb-secret"
MOST_BODY = 1 << 20
"""Bytes."""
DROP_PATH = "/drop"
"""The form with files."""
FILE_PATH = re.compile(r"/api/v1/drop/(spools/[0-9a-f]{32}/)?files")
"""Where the body is a file."""
_ONCE = ("host", "origin", "content-length", "authorization", SECRET_HEADER)
"""Headers that may not be sent twice."""
_MOST_COOKIES = 8
_SAFE = ("GET", "HEAD")
_WITHOUT_SECRET = (SESSION_PATH, LOGIN_PATH, LOGOUT_PATH)
"""What a session under a shared name may do with its cookie alone, besides reading pages."""
_TOKENS_IN_QUERY = frozenset({"token", "access_token", "session", "secret"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request was sent to, and by whose page."""

    host: str
    """The name, without its port."""
    kind: HostKind
    own: str
    """The origin of this server, as that request sees it."""
    is_secure: bool

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return "__Host-gc_session" if self.is_secure else "gc_session"


class Guard:
    """Refuses what is not to reach the routes, and adds the headers that bind browsers."""

    def __init__(
        self, app: ASGIApp, names: HostNames, sessions: Sessions, tokens: TokenChecker
    ) -> None:
        self._app = app
        self._names = names
        self._sessions = sessions
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        try:
            headers = _headers(scope)
            origin = self._origin(scope, headers)
            _refuse_odd_address(scope)
            given = bearer_token(headers)
            if given is None:
                self._check_session(scope, headers, origin)
            else:
                await self._check_token(scope, headers, origin, given)
            most = _most_body(scope)
            receive = _bounded(headers.get("content-length"), receive, most)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except GorillaCombError as error:
            await Problem.of(error).response()(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _check_token(
        self, scope: Scope, headers: Mapping[str, str], origin: Origin, token: str
    ) -> None:
        """Find the caller of a request with a token: its cookies are not looked at."""
        refuse_foreign_page(headers, origin.own)
        scope.setdefault("state", {}).update(origin=origin, session=None, token=None, caller=None)
        path = scope["path"]
        is_for_tokens = path.startswith(API) and path != SESSION_PATH
        if not is_for_tokens and scope["method"] in _SAFE:
            return  # what is for everyone is there for it, too; pages see no session
        if not is_for_tokens:
            raise Problem(403, "A token is for the API: it begins and ends no session.")
        try:
            claims = await run_in_threadpool(self._tokens.check, token)
        except InvalidToken as error:
            raise refused_token(error) from error
        except GorillaCombError as error:
            raise Problem.of(error, 503) from error
        scope["state"]["caller"] = Bearer(claims)

    def _check_session(self, scope: Scope, headers: Mapping[str, str], origin: Origin) -> None:
        path, method = scope["path"], scope["method"]
        if method in _SAFE:
            _refuse_foreign_reader(headers, path)
        else:
            _refuse_foreign_writer(headers, path, origin)
        tokens = _cookies(headers, origin.cookie)
        known = ((self._sessions.find(token, origin.host), token) for token in tokens)
        session, used = next((each for each in known if each[0] is not None), (None, None))
        scope.setdefault("state", {}).update(
            origin=origin, session=session, token=used, caller=session
        )
        is_write = method not in _SAFE
        if session is None and is_write and path.startswith(API) and path != SESSION_PATH:
            raise no_session()  # before its body is read
        is_page = not is_write and not path.startswith(API)
        if session is not None and not is_page and path not in _WITHOUT_SECRET:
            _refuse_without_secret(session, headers)

    def _origin(self, scope: Scope, headers: Mapping[str, str]) -> Origin:
        host = headers.get("host", "")
        kind, name = self._names.kind(host), name_of(host)
        if kind is None or name is None:
            raise Problem(
                421,
                "This server does not answer under that name.",
                "`gorillacomb serve link` prints its address; --allow-host allows another name.",
            )
        own = self._names.origin(host, scope["scheme"])
        return Origin(name, kind, own, own.startswith("https:"))


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by name; one that was sent twice and may be sent once is refused."""
    found: dict[str, str] = {}
    names = {name.lower() for name, _ in scope["headers"]}
    if {b"content-length", b"transfer-encoding"} <= names:  # a proxy may believe the other one
        raise Problem(400, "A body has a length or is sent in chunks, not both.")
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key in _ONCE:
            raise Problem(400, f"The header {key} was sent twice.")
        found[key] = (
            f"{found[key]}; {value.decode('latin-1')}" if key in found else value.decode("latin-1")
        )
    return found


def _refuse_odd_address(scope: Scope) -> None:
    """Refuse names that are not UTF-8, which the framework would change, and tokens in a query."""
    query = scope["query_string"]
    try:
        unquote_to_bytes(query.replace(b"+", b" ")).decode("utf-8")
        unquote_to_bytes(scope.get("raw_path", b"")).decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(
            400, "The address is not valid UTF-8.", "Give such a name as base64: path_b64=…"
        ) from None
    names = {name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
    if names & _TOKENS_IN_QUERY:
        raise Problem(400, "A token in an address would be kept by logs and histories.")


def _refuse_foreign_reader(headers: Mapping[str, str], path: str) -> None:
    """Refuse a page of another site, or of another port here, that reads; it may link to us."""
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin"):
        return
    is_link = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )
    if not is_link or path.startswith(API):
        raise Problem(403, "A page of another site may not read from this server.")


def _refuse_foreign_writer(headers: Mapping[str, str], path: str, origin: Origin) -> None:
    """Refuse a write that does not come from a page of ours."""
    site, sent = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "same-origin" or (site is None and sent is not None and sent == origin.own):
        return
    if site is None and sent is None and path == SESSION_PATH and "cookie" not in headers:
        return  # a program that logs in
    raise Problem(
        403,
        "What changes something has to come from a page of this server.",
        f"A program sends the header Origin: {origin.own}",
    )


def _refuse_without_secret(session: Session, headers: Mapping[str, str]) -> None:
    if not has_secret(session, headers.get(SECRET_HEADER)):
        raise Problem(
            403,
            "Under this name other programs may get the session's cookie, so it is not enough.",
            "Send the secret that the login returned in the header X-GorillaComb-Secret.",
        )


def _cookies(headers: Mapping[str, str], name: str) -> list[str]:
    """Return the values of a cookie: other programs under the name may have added some."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return [value for key, _, value in pairs if key == name][:_MOST_COOKIES]


def _most_body(scope: Scope) -> int:
    """Return how many bytes the body of a request may have: only few routes take files."""
    if scope["method"] != "POST" or scope["state"]["caller"] is None:
        return MOST_BODY
    if scope["path"] == DROP_PATH:
        return MOST_FORM
    return MOST_FILE if FILE_PATH.fullmatch(scope["path"]) else MOST_BODY


def _bounded(length: str | None, receive: Receive, most: int) -> Receive:
    """Return what reads at most so many bytes. Raises Problem for a length beyond that."""
    if length is not None and (not length.isdecimal() or int(length) > most):
        raise Problem(413, f"The body has more than {most:,} bytes.")
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise Problem(413, f"The body has more than {most:,} bytes.")
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"] = list(message.get("headers", ()))
            known = {name.lower() for name, _ in headers}
            headers += [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in known
            ]
        await send(message)

    return sending
