"""`gorillacomb token`, as a user and a script use it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.api.tokens.checker import InvalidToken, TokenChecker
from gorillacomb.tokens.access_token import MOST_BYTES
from gorillacomb.vault.vault import Vault, state_folder
from tests.support.run import Ran, environment, run, until
from tests.support.trees import make_tree


@pytest.fixture
def combed(tmp_path: Path, vault: Path) -> Path:
    """A vault with a trace."""
    assert run("scan", make_tree(tmp_path / "tree", {"a": "x"}), vault=vault).code == 0
    return vault


def token(vault: Path, *words: str, stdin: bytes = b"") -> Ran:
    return run("token", *words, vault=vault, stdin=stdin)


def created(vault: Path, *words: str) -> str:
    ran = token(vault, "create", "--scope", "read:index", *words)
    assert ran.code == 0, ran
    return ran.out.strip()


def opens(vault: Path, given: str) -> bool:
    try:
        TokenChecker(Vault(vault)).check(given)
    except InvalidToken:
        return False
    return True


def test_create(combed: Path) -> None:
    first = token(combed, "create", "--scope", "read:index")
    assert first.code == 0 and "Created the keys that sign tokens" in first.err
    assert first.out.count("\n") == 1 and len(first.out) < MOST_BYTES
    assert opens(combed, first.out.strip())
    second = token(combed, "create", "--scope", "plan", "--scope", "read:index", "--ttl", "90s")
    assert second.code == 0 and not second.stderr
    claims = TokenChecker(Vault(combed)).check(second.out.strip())
    assert claims.scopes == ("read:index", "plan")
    assert claims.expires - claims.issued == 90


def test_create_as_json(combed: Path) -> None:
    words = ("--scope", "plan", "--subject", "nightly@nas", "--ttl", "1m", "--json")
    found = token(combed, "create", *words).json()
    assert opens(combed, found["token"])
    assert (found["subject"], found["scopes"], found["revoked"]) == ("nightly@nas", ["plan"], False)
    assert found["expires"] - found["issued"] == 60
    assert found["audience"] == found["issuer"] + "/api"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """What is made has no mode by chance."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_create_in_a_file(combed: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    ran = token(combed, "create", "--scope", "plan", "-o", str(file))
    assert ran.code == 0 and not ran.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert opens(combed, text.strip()) and text.strip() not in ran.err
    again = token(combed, "create", "--scope", "plan", "-o", str(file))
    assert again.code == 5 and file.read_text() == text
    found = token(combed, "create", "--scope", "plan", "-o", str(tmp_path / "b"), "--json").json()
    assert "token" not in found and opens(combed, (tmp_path / "b").read_text().strip())


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--scope", "everything"),
        ("--scope", ""),
        ("--scope", "read:index plan"),
        ("--scope", "plan", "--ttl", "16m"),
        ("--scope", "plan", "--ttl", "901s"),
        ("--scope", "plan", "--ttl", "1d"),
        ("--scope", "plan", "--ttl", "0s"),
        ("--scope", "plan", "--ttl", "-1s"),
        ("--scope", "plan", "--ttl", "ever"),
        ("--scope", "plan", "--subject", ""),
        ("--scope", "plan", "--subject", "a b"),
        ("--scope", "plan", "--subject", "x" * 65),
        ("--scope", "plan", "--subject", "../x"),
        ("--scope", "plan", "more"),
    ],
)
def test_what_is_refused(combed: Path, words: tuple[str, ...]) -> None:
    ran = token(combed, "create", *words)
    assert ran.code == 2 and not ran.stdout, ran
    assert not (combed / "tokens.db").exists()


def test_a_scope_that_is_nearly_one(combed: Path) -> None:
    assert "Did you mean read:index?" in token(combed, "create", "--scope", "read:indx").err


def test_without_a_trace(tmp_path: Path) -> None:
    for words in (("create", "--scope", "plan"), ("key", "rotate"), ("key", "list"), ("list",)):
        ran = token(tmp_path / "none", *words)
        assert ran.code == 4 and not ran.stdout, ran
    (tmp_path / "empty").mkdir(mode=0o700)
    ran = token(tmp_path / "empty", "create", "--scope", "plan")
    assert ran.code == 2 and "no trace" in ran.err
    assert token(tmp_path / "empty", "list").code == 0
    assert not (tmp_path / "empty" / "tokens.db").exists()


def test_list_and_revoke(combed: Path) -> None:
    assert token(combed, "list").out == "No token is valid now.\n"
    one, two = created(combed, "--subject", "one"), created(combed, "--subject", "two")
    items = {each["subject"]: each for each in token(combed, "list", "--json").json()["items"]}
    assert items.keys() == {"one", "two"}
    jti = items["one"]["jti"]
    assert token(combed, "revoke", jti).out == f"Revoked {jti}.\n"
    assert not opens(combed, one) and opens(combed, two)
    assert token(combed, "revoke", jti).code == 0  # again
    revoked = token(combed, "revoke", "-", "--json", stdin=two.encode() + b"\n")
    assert revoked.json() == {"jti": items["two"]["jti"]}
    assert not opens(combed, two)
    said = token(combed, "list").out
    assert said.count("revoked") == 2 and one not in said and two not in said
    assert all(each["revoked"] for each in token(combed, "list", "--json").json()["items"])


def test_revoke_what_is_unknown(combed: Path) -> None:
    assert token(combed, "revoke", "0" * 32).code == 2  # before any was made
    assert not (combed / "tokens.db").exists()
    given = created(combed)
    for wrong in ("0" * 32, "x", "", "../x", "0" * 31, "'; DROP TABLE tokens; --", "0" * 5000):
        ran = token(combed, "revoke", "--", wrong)
        assert ran.code == 2 and not ran.stdout, ran
    for data in (b"", b"\n", b"a.b.c", b"x" * 100_000, given[:-900].encode(), b"\xff\xfe"):
        ran = token(combed, "revoke", "-", stdin=data)
        assert ran.code == 2, ran
    assert opens(combed, given)


def test_revoke_what_is_no_text(combed: Path) -> None:
    """Most locales make Python refuse such bytes; what was given is wrong, not the vault."""
    ran = subprocess.run(
        [sys.executable, "-m", "gorillacomb", "token", "revoke", "-"],
        env=environment(combed, PYTHONIOENCODING="utf-8:strict"),
        input=b"\xff\xfe\0",
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 2 and b"is not the jti" in ran.stderr, ran


def test_a_token_is_no_argument(combed: Path) -> None:
    given = created(combed)
    ran = token(combed, "revoke", given)
    assert ran.code == 2 and "stdin" in ran.err and given not in ran.err
    assert opens(combed, given)


def test_a_token_whose_signature_was_lost_is_revoked_all_the_same(combed: Path) -> None:
    """What was found in a log may lack its end: the jti is in it."""
    given = created(combed)
    head, body, _ = given.split(".")
    assert token(combed, "revoke", "-", stdin=f"{head}.{body}.AAAA".encode()).code == 0
    assert not opens(combed, given)


def test_keys(combed: Path) -> None:
    assert token(combed, "key", "list").out == "No keys yet: the first token makes them.\n"
    given = created(combed)
    before = token(combed, "key", "list", "--json").json()["keys"]
    assert [each["step"] for each in before] == ["active", "next"]
    after = token(combed, "key", "rotate", "--json").json()["keys"]
    assert [each["step"] for each in after] == ["active", "next", "retired"]
    assert (after[0]["kid"], after[2]["kid"]) == (before[1]["kid"], before[0]["kid"])
    assert not opens(combed, given)
    assert [each["revoked"] for each in token(combed, "list", "--json").json()["items"]] == [True]
    lines = token(combed, "key", "list").out.splitlines()
    assert [line.split()[1] for line in lines] == ["active", "next", "retired"]
    log = run("trace", "log", vault=combed).out
    assert f"key        token retired {before[0]['kid']}" in log


def test_expired_ones_are_forgotten(combed: Path) -> None:
    short = created(combed, "--ttl", "1s")
    assert opens(combed, short)
    assert until(lambda: not opens(combed, short), 10)
    assert token(combed, "list", "--json").json()["items"] == []
    created(combed)
    import sqlite3

    with sqlite3.connect(combed / "tokens.db") as connection:
        assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (1,)
    connection.close()


def test_a_clock_that_is_set_back(combed: Path) -> None:
    """What was revoked and has expired is forgotten; yet no clock opens it again."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("MISSING: faketime, to set a clock back: apt install faketime")
    given = created(combed)
    assert token(combed, "revoke", "-", stdin=given.encode()).code == 0
    words = [sys.executable, "-m", "gorillacomb", "token", "create", "--scope", "plan"]
    later = subprocess.run(
        [faketime, "-f", "+20m", *words],
        env=environment(combed),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not opens(combed, later.stdout.strip())  # not valid yet
    import sqlite3

    with sqlite3.connect(combed / "tokens.db") as connection:
        assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (1,)
    connection.close()
    assert not opens(combed, given)


def test_a_scan_locks_nobody_out(combed: Path) -> None:
    """With keys there, a token is made while another run holds the vault."""
    created(combed)
    held = Vault(combed)
    held.lock()
    try:
        assert opens(combed, created(combed))
        assert token(combed, "list").code == 0
        ran = token(combed, "key", "rotate", "--wait", "0")
        assert ran.code == 4 and "Another run" in ran.err
    finally:
        held.unlock()


def test_damaged_tokens(combed: Path) -> None:
    created(combed)
    for name in ("tokens.db-wal", "tokens.db-shm"):
        (combed / name).unlink(missing_ok=True)
    (combed / "tokens.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    for words in (("create", "--scope", "plan"), ("list",), ("revoke", "0" * 32)):
        ran = token(combed, *words)
        assert ran.code == 4 and "tokens.db" in ran.err and not ran.stdout, ran
    checked = run("vault", "check", vault=combed)
    assert checked.code == 1 and "tokens: " in checked.out
    (combed / "tokens.db").unlink()
    assert opens(combed, created(combed))
    assert run("vault", "check", vault=combed).code == 0


def test_a_kill_before_the_first_token_was_kept(combed: Path) -> None:
    """The file is there, and nothing in it: no token is, and nothing is wrong."""
    import sqlite3

    file = combed / "tokens.db"
    for wal in (False, True):
        file.touch(0o600)
        if wal:  # what SQLite writes before the first transaction
            with sqlite3.connect(file) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            connection.close()
        assert token(combed, "list", "--json").json() == {"items": []}
        assert run("vault", "check", vault=combed).code == 0
        given = created(combed)
        assert opens(combed, given)
        for path in combed.glob("tokens.db*"):
            path.unlink()
        file.touch(0o600)
        assert not opens(combed, given)


def test_tokens_of_a_newer_version(combed: Path) -> None:
    import sqlite3

    given = created(combed)
    with sqlite3.connect(combed / "tokens.db") as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    assert token(combed, "create", "--scope", "plan").code == 4
    assert run("vault", "check", vault=combed).code == 1
    from gorillacomb.errors import VaultDamaged

    with pytest.raises(VaultDamaged):
        opens(combed, given)


def test_tokens_that_are_a_link(combed: Path, tmp_path: Path) -> None:
    (combed / "tokens.db").symlink_to(tmp_path / "elsewhere")
    ran = token(combed, "create", "--scope", "plan")
    assert ran.code == 4 and not (tmp_path / "elsewhere").exists()


def test_the_vault_is_removed_with_its_tokens(combed: Path) -> None:
    created(combed)
    assert run("vault", "remove", "--yes-remove", "0", vault=combed).code == 0
    assert not combed.exists()


def test_no_token_is_kept_anywhere(combed: Path, own_home: Path) -> None:
    given = created(combed)
    token(combed, "revoke", "-", stdin=given.encode())
    sign = given.split(".")[2].encode()
    for top in (combed, own_home, state_folder()):
        for path in top.rglob("*"):
            if path.is_file():
                assert sign[:64] not in path.read_bytes(), path


def test_without_the_extra(combed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'jwt' else find(name, *a)\n"
        "sys.modules['jwt'] = None\n"
        "from gorillacomb.cli.main import main\n"
        "sys.argv = ['gorillacomb', 'token', *sys.argv[1:]]\n"
        "main()\n"
    )

    def without(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            env=environment(combed),
            capture_output=True,
            text=True,
        )

    ran = without("create", "--scope", "plan")
    assert ran.returncode == 2 and "pip install 'gorillacomb[web]'" in ran.stderr, ran
    assert without("list").returncode == 0
    assert without("key", "list").returncode == 0


def test_help_names_the_scopes(combed: Path) -> None:
    said = " ".join(token(combed, "create", "--help").out.split())
    for scope in ("read:index", "jobs:scan", "sign:scroll", "admin:keys"):
        assert scope in said


def test_a_token_that_could_not_be_written_opens_nothing(combed: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("another")
    words = ("create", "--scope", "read:index", "-o")
    assert token(combed, *words, str(file)).code == 5 and file.read_text() == "another"
    assert token(combed, *words, str(tmp_path / "none/token")).code == 2
    assert not (combed / "tokens.db").exists(), "none was made"
    assert token(combed, *words, "/proc/token").code == 2, "seen only when it is written"
    listed = token(combed, "list", "--json").json()["items"]
    assert [each["revoked"] for each in listed] == [True]
