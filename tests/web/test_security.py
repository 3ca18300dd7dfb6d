"""Attacks on the server: from other sites, ports and users, and with requests that never end."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import resource
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gorillacomb.api.server.state import server_folder
from gorillacomb.vault.vault import Vault, state_folder
from gorillacomb.web.bounds import MOST_HEADER_BYTES
from gorillacomb.web.control import ControlSocket
from gorillacomb.web.security.sessions import IDLE_SECONDS, LONGEST_SECONDS, LoginTokens, Sessions
from tests.support.run import run, until
from tests.support.server import Answer, Server, serving
from tests.support.trees import Tree, make_tree, scan

SCAN = {"kind": "scan", "paths": [{"path": "/nonexistent"}]}


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as made:
        yield made


def raw(server: Server, data: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server closes."""
    with connected(server) as made:
        made.sendall(data)
        made.shutdown(socket.SHUT_WR)
        parts = []
        while part := made.recv(65536):
            parts.append(part)
        return b"".join(parts)


def jobs_of(server: Server) -> int:
    return len(server.get("/api/v1/jobs").json()["jobs"])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "gc-0123456789abcdef.localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "[::1].evil.example",
        "",
        "localhost:99999999",
        "0x7f.1.evil",
        "8.8.8.8",
    ],
)
def test_a_name_that_is_not_ours(server: Server, host: str) -> None:
    """As after DNS rebinding: the browser believes that it speaks to another site."""
    for path in ("/", "/api/v1/status", "/health", "/login"):
        assert server.get(path, {"Host": host}).status in (400, 421), path


def test_two_hosts(server: Server) -> None:
    own = server.host.encode()
    answer = raw(server, b"GET /health HTTP/1.1\r\nHost: " + own + b"\r\nHost: evil\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    line = b"GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    assert raw(server, line).split()[1] in (b"400", b"421", b"404")


def test_nothing_without_a_session(server: Server) -> None:
    before = jobs_of(server)
    described = server.get("/api/v1/openapi.json").json()["paths"]
    assert len(described) > 20
    for path, methods in described.items():
        if path in ("/health", "/.well-known/jwks.json", "/api/v1/session"):
            continue
        filled = path.replace("{job}", "20260101T000000.000000-00000000").replace("{run}", "r")
        filled = filled.replace("{digest}", "0" * 64).replace("{blake3}", "0" * 64)
        for method in methods:
            body: object = {} if method == "post" else None
            for cookie in (None, "gc_session=guess", "__Host-gc_session=x", server.cookie + "x"):
                answer = server.send(method.upper(), filled, body, {"Cookie": cookie})
                assert answer.status in (401, 422), (path, method, answer.body)
                if answer.status == 422:  # what was sent is looked at before the session
                    assert b"digest" not in answer.body
    assert jobs_of(server) == before


CROSS = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": None},
    {"Sec-Fetch-Site": None, "Origin": "null"},
    {"Sec-Fetch-Site": None, "Origin": "http://evil.example"},
    {"Sec-Fetch-Site": None, "Origin": "https://OWN"},
    {"Sec-Fetch-Site": None, "Origin": "http://OWN.evil.example"},
    {"Sec-Fetch-Site": None, "Origin": "http://127.0.0.1:PORT"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://OWN"},
    {"Sec-Fetch-Site": None, "Referer": "http://OWN/"},
)


@pytest.mark.parametrize("headers", CROSS, ids=str)
def test_a_write_from_elsewhere(server: Server, headers: dict[str, str | None]) -> None:
    """A page of another site, or on another port of this machine, with the session's cookie."""
    before = jobs_of(server)
    own = {
        name: value and value.replace("OWN", server.host).replace("PORT", str(server.port))
        for name, value in headers.items()
    }
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        sent = {**own, "Content-Type": kind}
        answer = server.post("/api/v1/jobs", json.dumps(SCAN).encode(), sent)
        assert answer.status == 403, answer.body
        assert server.send("DELETE", "/api/v1/session", headers=own).status == 403
    assert jobs_of(server) == before


def test_a_program_says_where_it_comes_from(server: Server) -> None:
    headers = {"Sec-Fetch-Site": None, "Origin": server.origin}
    assert server.post("/api/v1/jobs", SCAN, headers).status == 202


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_elsewhere_reads_nothing(server: Server, site: str) -> None:
    for more in (
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Origin": "http://evil.example"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ):
        answer = server.get("/api/v1/status", {"Sec-Fetch-Site": site, **more})
        assert answer.status == 403, more
        assert "access-control-allow-origin" not in answer.headers
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = server.send("OPTIONS", "/api/v1/jobs", headers={**preflight, "Sec-Fetch-Site": site})
    assert answer.status == 403


def test_headers_of_every_answer(server: Server) -> None:
    for path in ("/api/v1/status", "/nothing", "/health", "/api/v1/jobs/x"):
        headers = server.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_under_a_shared_name_the_cookie_is_not_enough(server: Server) -> None:
    """Any program that listens on another port of 127.0.0.1 gets the cookie of this server."""
    shared = {"Host": f"127.0.0.1:{server.port}", "Cookie": None}
    answer = server.post("/api/v1/session", {"token": server.token()}, shared)
    secret = answer.json()["secret"]
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert secret
    shared["Cookie"] = cookie
    assert server.get("/api/v1/status", shared).status == 403
    wrong = {**shared, "X-GorillaComb-Secret": "guess"}
    assert server.get("/api/v1/status", wrong).status == 403
    right = {**shared, "X-GorillaComb-Secret": secret}
    assert server.get("/api/v1/status", right).status == 200
    assert server.post("/api/v1/jobs", SCAN, shared).status == 403
    assert server.get("/api/v1/status", {**right, "Host": server.host}).status == 401, "other name"
    assert server.get("/api/v1/status", {**right, "Cookie": server.cookie}).status == 401
    for name in ("localhost", "127.3.2.1", "[::1]"):
        assert server.get("/health", {"Host": f"{name}:1"}).status == 200, "ssh -L has its port"


def test_the_cookie(server: Server) -> None:
    attributes = server.log_in().headers["set-cookie"].lower()
    for wanted in ("httponly", "samesite=strict", "path=/", f"max-age={LONGEST_SECONDS}"):
        assert wanted in attributes
    assert "domain" not in attributes


def test_cookies_of_other_programs(server: Server) -> None:
    """Under a shared name they can set any, also of the same name for a longer path."""
    own = server.cookie
    for cookie in (f"gc_session=junk; {own}", f"{own}; gc_session=junk", f'a[b]={{"x"; {own}'):
        assert server.get("/api/v1/sessions", {"Cookie": cookie}).status == 200, cookie
    for cookie in (f"x{own}", "gc_session", "gc_session=", "gc_session=;" * 2000):
        assert server.get("/api/v1/sessions", {"Cookie": cookie}).status == 401, cookie


def test_a_token_works_once(server: Server) -> None:
    token = server.token()
    fresh = {"Cookie": None}
    assert server.post("/api/v1/session", {"token": token}, fresh).status == 200
    again = server.post("/api/v1/session", {"token": token}, fresh)
    assert again.status == 401 and token not in again.body.decode()
    for wrong in ("", "x" * 43, "x" * 100_000, None, 5, ["a"]):
        assert server.post("/api/v1/session", {"token": wrong}, fresh).status in (401, 422)


def test_a_token_ends_after_ten_minutes() -> None:
    now = [0.0]
    logins = LoginTokens(lambda: now[0])
    token, late = logins.create(), logins.create()
    now[0] = 599.0
    assert logins.use(token)
    now[0] = 600.0
    assert not logins.use(late)
    many = [logins.create() for _ in range(17)]
    assert [logins.use(each) for each in many] == [False] + [True] * 16


def test_sessions_end(tmp_path: Path) -> None:
    now = [1_000_000.0]
    file = tmp_path / "sessions.json"
    sessions = Sessions(file, lambda: now[0])
    token, _ = sessions.create("host", "agent", needs_secret=False)
    assert token not in file.read_text() and stat.S_IMODE(file.stat().st_mode) == 0o600
    now[0] += IDLE_SECONDS - 1
    assert sessions.find(token, "host") and not sessions.find(token, "other")
    now[0] += IDLE_SECONDS - 1
    assert Sessions(file, lambda: now[0]).find(token, "host"), "a restart does not end it"
    now[0] += IDLE_SECONDS
    assert not sessions.find(token, "host"), "not used for 12 hours"
    token, _ = sessions.create("host", "agent", needs_secret=False)
    for _ in range(LONGEST_SECONDS // 3600):
        now[0] += 3600
        sessions.find(token, "host")
    assert not sessions.find(token, "host"), "a week is the longest"
    token, _ = sessions.create("host", "agent", needs_secret=False)
    now[0] += 3600
    file.rename(tmp_path / "other")
    file.mkdir()  # as on a full disk: it cannot be written
    assert sessions.find(token, "host"), "what only notes its last use does not end it"
    file.rmdir()
    file.write_text('[{"digest": 1}]')
    assert Sessions(file).all() == [], "a damaged file ends sessions, and nothing else"


def test_logging_out(server: Server) -> None:
    assert server.send("DELETE", "/api/v1/session").status == 204
    assert server.get("/api/v1/status").status == 401


def test_a_session_is_not_taken_from_the_client(server: Server) -> None:
    """Session fixation: a cookie that was planted begins no session, and does not become one."""
    planted = "gc_session=planted"
    answer = server.post("/api/v1/session", {"token": server.token()}, {"Cookie": planted})
    assert answer.status == 200 and "planted" not in answer.headers["set-cookie"]
    assert server.get("/api/v1/status", {"Cookie": planted}).status == 401


def test_tokens_are_nowhere_to_be_seen(server: Server) -> None:
    login, session = server.token(), server.cookie.partition("=")[2]
    answer = server.get(f"/api/v1/status?token={session}")
    assert answer.status == 400 and session.encode() not in answer.body
    everything = "".join(server.stderr)
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            everything += process.read_text(errors="replace")
        except OSError:
            continue  # it has ended
    for file in state_folder().rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        if file.is_file():
            everything += file.read_text(errors="replace")
    assert login not in everything and session not in everything
    assert hashlib.sha256(session.encode()).hexdigest() in everything, "it was looked for rightly"


def answer_at(place: str, user: int) -> str:
    """What another user's process gets from a socket, or the name of the error."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setuid(user)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(place)
                os.write(write, client.recv(999))
        except OSError as error:
            os.write(write, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as file:
        return file.read().decode()


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user takes root")
def test_another_user_gets_no_address(server: Server) -> None:
    folder = server_folder(Vault(server.vault))
    opened = [folder, *folder.parents]
    opened = opened[: opened.index(Path(os.environ["HOME"]).parent) + 1]
    for parent in opened:
        parent.chmod(0o755)  # as if the home were open
    place = str(folder / "control")
    assert "localhost" in answer_at(place, 0)
    assert answer_at(place, 65534) == "PermissionError"
    os.chmod(place, 0o666)
    assert answer_at(place, 65534) == ""
    for parent in opened[:4]:
        parent.chmod(0o700)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/api/v1/jobs/..%2f..%2fsessions.json",
        "/api/v1/jobs/%2e%2e/result",
        "/api/v1/plans/..%2f..%2f",
        "/api/v1/runs/..%2f..",
        "/%00",
        "/api/v1/groups/%00",
        "//evil.example/",
    ],
)
def test_no_path_leads_out(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status in (400, 404, 422), answer.body
    assert b"root:" not in answer.body and b"digest" not in answer.body


def test_names_from_the_disk_are_data(server: Server, tmp_path: Path) -> None:
    odd: Tree = {"<script>alert(1)<b>\"'": "q" * 900, "b\r\nSet-Cookie: x=y": "q" * 900}
    scan(server.vault, make_tree(tmp_path / "odd", odd))
    answer = server.get("/api/v1/groups")
    assert answer.headers["content-type"] == "application/json"
    assert "alert(1)" in answer.body.decode() and "x=y" not in answer.headers.get("set-cookie", "")


def request(server: Server, headers: bytes) -> bytes:
    return b"POST /api/v1/session HTTP/1.1\r\nHost: " + server.host.encode() + b"\r\n" + headers


def test_bodies_are_bounded(server: Server) -> None:
    for body in (b'{"token": "' + b"x" * (2 << 20) + b'"}', b"[" * 500_000):
        assert server.post("/api/v1/session", body, {"Cookie": None}).status in (400, 413, 422)
    for length in (b"99999999999999999999", b"-1", b"1, 2"):
        answer = raw(server, request(server, b"Content-Length: " + length + b"\r\n\r\n"))
        assert answer.split()[1] in (b"400", b"413"), length
    both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert raw(server, request(server, both)).split()[1] == b"400"
    chunk = b"%x\r\n%s\r\n" % (1 << 16, b"x" * (1 << 16))
    with connected(server) as made:
        headers = b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
        made.sendall(request(server, headers))
        try:
            for _ in range(64):
                made.sendall(chunk)
            answer = made.recv(999)
        except (BrokenPipeError, ConnectionResetError):
            answer = b"HTTP/1.1 400"
    assert answer.split()[1] in (b"400", b"403", b"413")
    assert server.get("/health").status == 200


def test_a_write_without_a_session_is_refused_before_its_body_is_read(server: Server) -> None:
    line = b"POST /api/v1/jobs HTTP/1.1\r\nHost: " + server.host.encode() + b"\r\nOrigin: "
    line += server.origin.encode() + b"\r\nContent-Length: 1000\r\n\r\n{"
    with connected(server) as made:
        made.sendall(line)
        assert made.recv(999).startswith(b"HTTP/1.1 401")


def test_headers_are_bounded(server: Server) -> None:
    """Those without an end: what is whole when a slow server first looks is taken."""
    line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
    with connected(server) as made:
        made.sendall(request(server, line * (MOST_HEADER_BYTES // len(line) + 1)))
        assert made.recv(999).startswith(b"HTTP/1.1 400")
    assert raw(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").startswith(b"HTTP/1.1 400")
    assert server.get("/health").status == 200


def closed_after(server: Server, parts: list[bytes], pause: float) -> float:
    """Send parts with a pause before each; return the seconds until the server closed."""
    began = time.monotonic()
    with connected(server) as made:
        made.settimeout(120)
        try:
            for part in parts:
                time.sleep(pause)
                made.sendall(part)
            while made.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
    return time.monotonic() - began


Attack = tuple[list[bytes], float]
"""What is sent, and the seconds before each part."""


def check_that_it_ends(server: Server, attacks: dict[str, Attack]) -> list[float]:
    """Send requests that never end, side by side; the server answers others meanwhile."""
    took: dict[str, float] = {}

    def attack(name: str) -> None:
        took[name] = closed_after(server, *attacks[name])

    threads = [threading.Thread(target=attack, args=(name,)) for name in attacks]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert server.get("/health").status == 200
        time.sleep(0.2)
    return sorted(took.values())


def test_headers_that_never_end(server: Server) -> None:
    drops = [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 60]
    took = check_that_it_ends(server, {"silent": ([b""], 0.0), "byte by byte": (drops, 0.5)})
    assert took[0] > 9, took


@pytest.mark.deep
def test_bodies_that_never_come(server: Server) -> None:
    begun = request(server, b"Content-Length: 50\r\n\r\n{")
    drops = [request(server, b"Content-Length: 500\r\n\r\n"), *[b"x"] * 200]
    took = check_that_it_ends(server, {"body": ([begun], 0.0), "by byte": (drops, 1.0)})
    assert took[0] > 29 and took[1] < 190, took


@pytest.mark.deep
def test_answers_that_nobody_takes(server: Server) -> None:
    """Neither one that is being sent nor one whose connection was to be closed stays open."""
    line = b"GET /static/style.css HTTP/1.1\r\nHost: " + server.host.encode() + b"\r\n"
    many = line + b"\r\n"
    folder = f"/proc/{server.process.pid}/fd"
    before = len(os.listdir(folder))
    with connected(server) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                made.sendall(many * 100)
        assert len(os.listdir(folder)) > before
        assert until(lambda: len(os.listdir(folder)) <= before, 60)
    assert server.get("/health").status == 200


def test_the_control_socket_outlives_a_lack_of_descriptors(vault: Path) -> None:
    """As when many connect to the server: nobody could print an address any more."""
    opened = Vault(vault)
    opened.create()
    control = ControlSocket(opened, lambda: "an address")
    taken: list[int] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 9, hard))
            with pytest.raises(OSError):
                while True:
                    taken.append(os.dup(client.fileno()))
            client.connect(str(server_folder(opened) / "control"))
            assert not until(lambda: "control" not in {it.name for it in threading.enumerate()}, 1)
            assert taken
            for each in taken:
                os.close(each)
            assert client.recv(99) == b"an address"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        control.close()


def test_forwarded_headers_are_nobodys(server: Server) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = server.post("/api/v1/session", {"token": server.token()}, headers)
    assert answer.status == 200 and "secure" not in answer.headers["set-cookie"].lower()


def test_only_this_machine_without_tls(vault: Path) -> None:
    ran = run("serve", "--bind", "0.0.0.0", "--port", "0", vault=vault)
    assert ran.code == 2 and "TLS" in ran.err
    ran = run("serve", "--allow-host", "a b", vault=vault)
    assert ran.code == 2 and "not the name of a host" in ran.err
    ran = run("serve", "--public-url", "javascript:alert(1)", vault=vault)
    assert ran.code == 2 and "not the address" in ran.err
    ran = run("serve", "--public-url", "http://nas.example:8000", vault=vault)
    assert ran.code == 2 and "in the clear" in ran.err


def test_tls_with_a_certificate_of_its_own(vault: Path) -> None:
    wide = ("--bind", "0.0.0.0", "--allow-host", "nas.example")
    with serving(vault, "--make-cert", *wide, logged_in=False) as server:
        shown = server.stderr[0].strip().rpartition(" ")[2]
        context = ssl.create_default_context()
        context.load_verify_locations(server_folder(Vault(vault)) / "certificate.pem")
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            context.wrap_socket(plain, server_hostname=server.name) as made,
        ):
            names = dict(made.getpeercert() or {})["subjectAltName"]
            assert ("DNS", "nas.example") in names and not any("0.0.0.0" in it for it in names)
            data = made.getpeercert(binary_form=True)
            assert data is not None
            assert hashlib.sha256(data).hexdigest().upper() == shown.replace(":", "")
            made.sendall(f"GET /health HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode())
            assert made.recv(999).startswith(b"HTTP/1.1 200")
        _check_that_its_name_is_shared(server, context)
    with serving(vault, "--make-cert", "--bind", "localhost", logged_in=False) as server:
        assert shown in server.stderr[0], "it is kept"
    key = server_folder(Vault(vault)) / "certificate.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def _check_that_its_name_is_shared(server: Server, context: ssl.SSLContext) -> None:
    """Anyone can read it in the certificate, and browsers send cookies to all of its ports."""
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context)
    headers = {"Host": server.host, "Content-Type": "application/json"}
    body = json.dumps({"token": server.token()})
    context.check_hostname = False
    connection.request("POST", "/api/v1/session", body, headers)
    answer = connection.getresponse()
    cookie = answer.getheader("set-cookie", "").partition(";")[0]
    secret = json.load(answer)["secret"]
    assert cookie.startswith("__Host-") and secret
    for more, status in (({}, 403), ({"X-GorillaComb-Secret": secret}, 200)):
        connection.request("GET", "/api/v1/sessions", headers={**headers, "Cookie": cookie, **more})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_a_proxy_in_front(vault: Path) -> None:
    with serving(vault, "--public-url", "https://comb.example.org", logged_in=False) as server:
        public = {"Host": "comb.example.org", "Sec-Fetch-Site": "same-origin", "Cookie": None}
        answer = server.post("/api/v1/session", {"token": server.token()}, public)
        assert answer.json() == {"secret": None}
        assert answer.headers["set-cookie"].startswith("__Host-gc_session=")
        assert "secure" in answer.headers["set-cookie"].lower()
        public["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        assert server.get("/api/v1/jobs", public).status == 200
        own = {**public, "Sec-Fetch-Site": None, "Origin": "https://comb.example.org"}
        assert server.post("/api/v1/jobs", SCAN, own).status == 202
        assert server.get("/health", {"Host": "other.example.org"}).status == 421


def test_a_folder_that_others_can_write_to_keeps_no_sessions(vault: Path) -> None:
    """Whoever can write there could begin a session with a token of his own."""
    folder = server_folder(Vault(vault))
    folder.chmod(0o770)
    ran = run("serve", "--port", "0", vault=vault)
    assert ran.code == 4 and "others may write" in ran.err
    folder.rmdir()
    folder.symlink_to(vault.parent)
    ran = run("serve", "--port", "0", vault=vault)
    assert ran.code == 4
    if os.getuid() == 0:
        folder.unlink()
        folder.mkdir(mode=0o700)
        os.chown(folder, 65534, 65534)
        assert run("serve", "--port", "0", vault=vault).code == 4


def test_a_second_server_and_a_killed_one(vault: Path) -> None:
    with serving(vault) as server:
        ran = run("serve", "--port", "0", vault=vault)
        assert ran.code == 5 and "running already" in ran.err
        server.process.kill()
        server.process.wait()
        cookie, name = server.cookie, server.name
    assert run("serve", "link", vault=vault).code == 2
    with serving(vault) as server:
        assert server.get("/api/v1/sessions", {"Cookie": cookie}).status == 401
        # While none ran, another program could listen at its port, and got both from open pages.
        assert server.get("/health", {"Host": name}).status == 421
        assert server.stop() == 0
    ran = run("serve", "link", vault=vault)
    assert ran.code == 2 and "No server" in ran.err


def test_a_port_that_is_taken(vault: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = run("serve", "--port", str(taken.getsockname()[1]), vault=vault)
    assert ran.code == 2 and "already in use" in ran.err and "--port" in ran.err


def can_listen_at(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((address, port))
            made.listen()
        except OSError:
            return False
    return True


def test_no_other_program_listens_where_browsers_look_first(server: Server, vault: Path) -> None:
    """Chromium tries ::1 before 127.0.0.1 for its name: the login would be another user's."""
    if not can_listen_at("::1", 0):
        pytest.skip("there is no IPv6")
    for address in ("127.0.0.1", "::1"):
        assert not can_listen_at(address, server.port), address
        with socket.create_connection((address, server.port), timeout=60) as made:
            made.sendall(b"GET /health HTTP/1.1\r\nHost: " + server.host.encode() + b"\r\n\r\n")
            assert made.recv(999).startswith(b"HTTP/1.1 200")
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        taken.listen()
        ran = run("serve", "--port", str(taken.getsockname()[1]), vault=vault)
    assert ran.code == 2 and "Listening at ::1" in ran.err and "already in use" in ran.err


def test_many_at_once(server: Server) -> None:
    """More connections than are allowed: some are refused, and the server answers afterwards."""
    made = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    try:
        for each in made[-5:]:
            each.sendall(b"GET /health HTTP/1.1\r\nHost: " + server.host.encode() + b"\r\n\r\n")
            assert each.recv(999).split()[1] == b"503"
    finally:
        for each in made:
            each.close()

    def answers() -> bool:
        found: Answer = server.get("/health")
        return found.status == 200

    assert until(answers, 60)


def test_an_address_that_is_too_long_is_answered_before_the_end(server: Server) -> None:
    """The answer is not lost, although the server does not want what is still being sent."""
    answer = server.get(f"/api/v1/tree?path=/{'x' * 3_000_000}")
    assert answer.status == 400
    with connected(server) as connection:
        connection.sendall(b"GET /" + b"x" * 200_000)
        connection.settimeout(10)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
        while connection.recv(4096):
            pass  # it ends by itself, without a reset
