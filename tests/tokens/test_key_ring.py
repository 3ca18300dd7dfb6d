"""The keys that sign tokens: their steps, what a kill leaves, what they never sign."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.tokens.keys import rotate_token_key
from gorillacomb.api.tokens.tokens import create_token
from gorillacomb.errors import KeyMissing
from gorillacomb.tokens.jwk import RsaJwk
from gorillacomb.tokens.key_ring import BITS, KeyRing, read_ring, ring_error
from gorillacomb.vault.vault import Vault, config_folder
from gorillacomb.vaultmesh.history import key_steps
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import RsaSigningKey, load_private, private_pem
from gorillacomb.vaultmesh.open import (
    key_store,
    open_trace_for_reading,
    read_log_id,
    token_key_folder,
    watcher_keys,
)
from tests.support.run import run
from tests.support.trees import make_tree
from tests.tokens.forging import a_key, jwk_of
from tests.vaultmesh import dying


@pytest.fixture
def combed(tmp_path: Path, vault: Path) -> Vault:
    """A vault with a trace."""
    assert run("scan", make_tree(tmp_path / "tree", {"a": "x"}), vault=vault).code == 0
    return Vault(vault)


def ring_of(vault: Vault) -> KeyRing:
    return read_ring(token_key_folder(read_log_id(vault)))


def steps_in_trace(vault: Vault) -> list[tuple[str, str]]:
    with open_trace_for_reading(vault) as ledger:
        return [(each["key_id"], each["step"]) for each in key_steps(ledger, "token")]


def is_sound(vault: Vault, *, checked: bool = True) -> None:
    """Each key has gone its way step by step, and the trace has all of it, once."""
    ring, steps = ring_of(vault), steps_in_trace(vault)
    assert not ring.pending
    ways: dict[str, list[str]] = {}
    for kid, step in steps:
        ways.setdefault(kid, []).append(step)
    way = ["next", "active", "retired"]
    lost = ["next", "retired"]
    assert all(found in (way[: len(found)], lost) for found in ways.values()), ways
    assert {key.kid: key.step for key in ring.keys}.items() <= {
        kid: found[-1] for kid, found in ways.items()
    }.items()
    used = {f"{key.kid}.pem" for key in ring.keys if key.step != "retired"}
    assert {path.name for path in ring.folder.glob("*.pem")} == used
    assert [key.step for key in ring.keys[:2]] == ["active", "next"]
    if checked:
        assert run("vault", "check", vault=vault.folder).code == 0


def test_each_step_is_in_the_trace(combed: Vault) -> None:
    create_token(combed, ["plan"])
    is_sound(combed)
    first = ring_of(combed)
    for _ in range(3):
        rotate_token_key(combed)
        is_sound(combed)
    assert len(steps_in_trace(combed)) == 3 + 3 * 3
    assert (first.keys[0].kid, "retired") in steps_in_trace(combed)
    with open_trace_for_reading(combed) as ledger:
        for entry in key_steps(ledger, "token"):
            assert RsaJwk.parse(entry["jwk"]).kid == entry["key_id"]  # anyone can check its name
            assert RsaJwk.parse(entry["jwk"]).bits == BITS >= 2048


def test_only_some_retired_keys_are_listed(combed: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gorillacomb.tokens.key_ring.BITS", 2048)
    for _ in range(12):
        rotate_token_key(combed)
    ring = ring_of(combed)
    assert [key.step for key in ring.keys] == ["active", "next", *["retired"] * 8]
    assert len({kid for kid, step in steps_in_trace(combed) if step == "retired"}) == 11
    is_sound(combed)


def test_files_are_the_user_s_alone(combed: Vault) -> None:
    before = os.umask(0)
    try:
        create_token(combed, ["plan"])
    finally:
        os.umask(before)
    folder = ring_of(combed).folder
    assert folder.is_relative_to(config_folder() / "keys" / "tokens")
    for path in (*folder.iterdir(), combed.tokens):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_they_sign_nothing_else(combed: Vault, tmp_path: Path) -> None:
    """No other signer finds them, and the keys of others sign no token."""
    create_token(combed, ["plan"])
    ours = {key.jwk for key in ring_of(combed).keys}
    manifest = tmp_path / "m.json"
    signed = run("manifest", tmp_path / "tree", "-o", manifest, "--key-type", "rsa")
    assert signed.code == 0, signed
    others = [load_private(path) for path in (config_folder() / "keys").glob("*.pem")]
    assert len(others) == 2
    for key in others:
        if isinstance(key, RsaSigningKey):
            assert jwk_of(key) not in ours
    for store in (key_store(), watcher_keys()):
        assert store.folder != ring_of(combed).folder
        found = store.current("rsa")
        assert found is None or jwk_of_any(found) not in ours
    assert KeyStore(ring_of(combed).folder).publics() == []


def jwk_of_any(key: Any) -> RsaJwk:
    assert isinstance(key, RsaSigningKey)
    return jwk_of(key)


def test_a_key_under_another_name(combed: Vault) -> None:
    """The key of a manifest, or of anybody, put in the place of one of ours."""
    create_token(combed, ["plan"])
    ring = ring_of(combed)
    (ring.folder / f"{ring.keys[0].kid}.pem").write_bytes(private_pem(a_key().private))
    ran = run("token", "create", "--scope", "plan", vault=combed.folder)
    assert ran.code == 4 and "not the one that its name says" in ran.err
    (ring.folder / f"{ring.keys[0].kid}.pem").unlink()
    ran = run("token", "create", "--scope", "plan", vault=combed.folder)
    assert ran.code == 4, ran
    assert run("token", "key", "rotate", vault=combed.folder).code == 0
    assert run("token", "create", "--scope", "plan", vault=combed.folder).code == 0
    is_sound(combed)


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "a field more": lambda found: found.update(x=1),
    "a field less": lambda found: found.pop("size"),
    "another version": lambda found: found.update(v=2),
    "no key": lambda found: found.update(keys=[]),
    "two active keys": lambda found: found["keys"][1].update(step="active"),
    "no next key": lambda found: found["keys"].pop(1),
    "a key twice": lambda found: found["keys"].append(found["keys"][0]),
    "an unknown step": lambda found: found["keys"][0].update(step="first"),
    "another kid": lambda found: found["keys"][0].update(kid="A" * 43),
    "a path as a kid": lambda found: found["keys"][0].update(kid="../../x"),
    "another key": lambda found: found["keys"][0].update(jwk=jwk_of(a_key()).fields),
    "a short key": lambda found: found["keys"][0].update(
        jwk=jwk_of(a_key(0, 1024)).fields, kid=jwk_of(a_key(0, 1024)).kid
    ),
    "a secret key": lambda found: found["keys"][0]["jwk"].update(kty="oct", k="AAAA"),
    "a step of an unknown key": lambda found: found.update(
        pending=[{"kid": "A" * 43, "step": "next"}]
    ),
    "too many keys": lambda found: found.update(keys=found["keys"] * 20),
    "no number": lambda found: found.update(size="1"),
    "no list": lambda found: found.update(pending={}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_list_of_keys(combed: Vault, change: str) -> None:
    create_token(combed, ["plan"])
    file = ring_of(combed).folder / "keys.json"
    found = json.loads(file.read_bytes())
    CHANGES[change](found)
    file.write_text(json.dumps(found))
    with pytest.raises(KeyMissing):
        ring_of(combed)
    ran = run("token", "create", "--scope", "plan", vault=combed.folder)
    assert ran.code == 4 and "keys.json is damaged" in ran.err, ran
    checked = run("vault", "check", vault=combed.folder)
    assert checked.code == 1 and "keys.json is damaged" in checked.out


def test_a_list_that_is_no_list(combed: Vault) -> None:
    create_token(combed, ["plan"])
    file = ring_of(combed).folder / "keys.json"
    good = file.read_bytes()
    twice = good.replace(b'"v": 1', b'"v": 1, "v": 1')
    for data in (b"", b"[]", b"null", good[:-5], twice, b"\xff", b" " * (1 << 17)):
        file.write_bytes(data)
        with pytest.raises(KeyMissing):
            ring_of(combed)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(KeyMissing):
        ring_of(combed)


def test_keys_that_were_lost(combed: Vault) -> None:
    """The trace says that they are retired, and new ones are made."""
    create_token(combed, ["plan"])
    lost = ring_of(combed)
    shutil.rmtree(lost.folder)
    create_token(combed, ["plan"])
    steps = dict(steps_in_trace(combed))
    assert all(steps[key.kid] == "retired" for key in lost.keys)
    assert run("vault", "check", vault=combed.folder).code == 0


def test_keys_that_the_trace_does_not_know(combed: Vault) -> None:
    create_token(combed, ["plan"])
    ring = ring_of(combed)
    file = ring.folder / "keys.json"
    found = json.loads(file.read_bytes())
    found["keys"][0] |= {"jwk": jwk_of(a_key()).fields, "kid": jwk_of(a_key()).kid}
    file.write_text(json.dumps(found))
    checked = run("vault", "check", "--json", vault=combed.folder)
    assert checked.code == 1 and "unknown in the trace" in checked.json()["tokens"]
    with open_trace_for_reading(combed) as ledger:
        assert ring_error(ring, ledger) is None


def test_killed_at_each_step(combed: Vault) -> None:
    """At any moment the old key signs or the new one does, never a retired one, and all is
    recorded in the end."""
    create_token(combed, ["plan"])
    before, step, seen = ring_of(combed), 0, set()
    command = ("token", "key", "rotate", "--vault", combed.folder)
    while True:
        ran = run(*command, before=(dying.__name__, str(step)))
        assert ran.code in (0, -signal.SIGKILL), ran
        ring, now = ring_of(combed), ring_of(combed).active()
        assert now is None or now.kid in (before.keys[0].kid, before.keys[1].kid)
        seen.add(now and now.kid)
        recorded = dict(steps_in_trace(combed))
        if now is not None:
            assert recorded[now.kid] == "active"
        for key in ring.keys:
            if recorded.get(key.kid) == "retired":
                assert ring.active(key.kid) is None
        published = {each["kid"] for each in ring.published()}
        assert all(recorded[kid] in ("next", "active") for kid in published)
        made = run("token", "create", "--scope", "plan", "--vault", combed.folder)
        assert made.code == 0, made
        is_sound(combed, checked=ran.code == 0)
        before = ring_of(combed)
        if ran.code == 0:
            break
        step += 1
    assert step > 8 and len(seen) > 2


def test_killed_while_the_first_are_made(combed: Vault) -> None:
    step = 0
    command = ("token", "create", "--scope", "plan", "--vault", combed.folder)
    while True:
        ran = run(*command, before=(dying.__name__, str(step)))
        assert ran.code in (0, -signal.SIGKILL), ran
        assert bool(ran.stdout) == (ran.code == 0)
        assert run(*command).code == 0
        is_sound(combed, checked=ran.code == 0)
        if ran.code == 0:
            break
        shutil.rmtree(ring_of(combed).folder)
        step += 5
    assert step > 10


def test_several_make_the_first_ones_at_once(combed: Vault) -> None:
    with ThreadPoolExecutor(4) as pool:
        command = ("token", "create", "--scope", "plan", "--vault", combed.folder)
        ran = [pool.submit(run, *command) for _ in range(4)]
        assert [each.result().code for each in ran] == [0] * 4
    assert len(steps_in_trace(combed)) == 3
    is_sound(combed)


def test_keys_are_switched_while_tokens_are_made(combed: Vault) -> None:
    create_token(combed, ["plan"])
    command = ("token", "create", "--scope", "plan", "--vault", combed.folder)
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(run, *command) for _ in range(6)]
        rotated = [pool.submit(run, "token", "key", "rotate", vault=combed.folder)] * 2
        assert {each.result().code for each in (*made, *rotated)} == {0}
    is_sound(combed)
