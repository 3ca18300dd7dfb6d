"""The keys that sign a vault's tokens: next, then active, then retired.

They are in the user's key folder, in one folder for each log, away from all that signs anything
else. ``keys.json`` there says which step each has reached, and has the public keys, so that a
server verifies tokens without reading a private key. It decides: a vault that was restored, or
changed by somebody else, brings no key back. Each step is an entry of the trace; a key counts from
the moment its entry is there.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from gorillacomb.errors import KeyMissing
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.tokens.jwk import RsaJwk, strict_object
from gorillacomb.vaultmesh.entries import EntryBody, key_entry
from gorillacomb.vaultmesh.history import key_steps
from gorillacomb.vaultmesh.keys.keys import RsaSigningKey, generate_rsa, load_private, private_pem
from gorillacomb.vaultmesh.ledger import Ledger

USE = "token"
"""How entries of the trace call these keys."""
KeyStep = Literal["next", "active", "retired"]
BITS = 3072
"""Of a new key: 128-bit security, which RSA-2048 has not (NIST SP 800-57)."""
_STEPS = ("next", "active", "retired")
_MOST_BYTES = 1 << 16
_MOST_RETIRED = 8
"""Retired keys that are listed; the trace has all of them."""
_FILE = "keys.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key that signs tokens, or did."""

    jwk: RsaJwk
    step: KeyStep

    @property
    def kid(self) -> str:
        """Its thumbprint (RFC 7638)."""
        return self.jwk.kid


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one log, as ``keys.json`` has them."""

    folder: Path
    keys: tuple[TokenKey, ...] = ()
    """The active one, the next one, and retired ones, the latest first."""
    pending: tuple[tuple[str, KeyStep], ...] = ()
    """Steps whose entry may be missing from the trace, by kid: until it is there, it has not been
    taken."""
    size: int = 0
    """Entries of the trace that were there before the pending ones."""

    def active(self, kid: str | None = None) -> TokenKey | None:
        """Return the key that signs now, if that is its name; None for any other."""
        for key in self.keys:
            is_meant = kid is None or key.kid == kid
            if is_meant and key.step == "active" and not self._is_pending(key, "active"):
                return key
        return None

    def published(self) -> list[dict[str, str]]:
        """Return the keys of the JWK set: the active one and the next one."""
        return [
            key.jwk.published()
            for key in self.keys
            if key.step != "retired" and not self._is_pending(key, "next")
        ]

    def _is_pending(self, key: TokenKey, step: KeyStep) -> bool:
        return (key.kid, step) in self.pending

    def private(self, kid: str) -> RsaSigningKey:
        """Return the private key of that name. Raises KeyMissing."""
        path = self.folder / f"{kid}.pem"
        key = load_private(path)
        if not isinstance(key, RsaSigningKey) or RsaJwk.of_numbers(*key.numbers).kid != kid:
            raise KeyMissing(
                f"The key {path} is not the one that its name says.",
                "gorillacomb token key rotate makes new ones.",
            )
        return key


def read_ring(folder: Path) -> KeyRing:
    """Return the keys of a folder; none if there is no such folder. Raises KeyMissing."""
    file = folder / _FILE
    try:
        data = read_bounded(file, _MOST_BYTES)
    except FileNotFoundError:
        return KeyRing(folder)
    except OSError as error:
        raise KeyMissing(
            f"Reading {file} failed: {os_error_text(error)}.", "Check its permissions."
        ) from error
    try:
        return _parsed(folder, strict_object(data))
    except ValueError as error:
        raise KeyMissing(
            f"{file} is damaged: {error}.",
            "Restore it from a backup of the keys, or delete it: then new keys are made.",
        ) from error


@contextmanager
def ring_held(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Let nobody else change the keys of a folder, which is created. Raises KeyMissing."""
    try:
        for each in (*reversed(folder.parents), folder):
            each.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield
    finally:
        os.close(descriptor)


def rotate_ring(ring: KeyRing, ledger: Ledger) -> KeyRing:
    """Retire the active key, let the next one sign, make another one; return the new ring.

    The first time, both are made. The caller holds the vault's lock and `ring_held`. Whatever
    moment a kill comes at, the retired key is refused from the first change on, and the next call
    of `complete_ring` records what is missing. Raises VaultError, KeyMissing.
    """
    ring = complete_ring(ring, ledger)
    steps: list[tuple[str, KeyStep]] = []
    retired = [replace(key, step="retired") for key in ring.keys if key.step == "active"]
    steps += [(key.kid, "retired") for key in retired]
    known = next((key for key in ring.keys if key.step == "next"), None)
    if known is None:
        known = _new_key(ring)
        steps.append((known.kid, "next"))
    active = replace(known, step="active")
    following = _new_key(ring)
    steps += [(active.kid, "active"), (following.kid, "next")]
    old = [*retired, *(key for key in ring.keys if key.step == "retired")][:_MOST_RETIRED]
    changed = replace(
        ring,
        keys=(active, following, *old),
        pending=tuple(steps),
        size=ledger.size,
    )
    _save(changed)
    return complete_ring(changed, ledger)


def complete_ring(ring: KeyRing, ledger: Ledger) -> KeyRing:
    """Append the entries of steps that lack one, delete private keys that sign nothing any more.

    The caller holds the vault's lock and `ring_held`. Raises VaultError, KeyMissing.
    """
    if not ring.keys:
        # The folder is new, or was lost: what the trace still calls active or next is retired.
        pending: tuple[tuple[str, KeyStep], ...] = ()
        last = {entry["key_id"]: entry for entry in key_steps(ledger, USE)}
        lost = [_retired_again(entry) for entry in last.values() if entry["step"] != "retired"]
        ledger.append(lost)
    else:
        pending = ring.pending
    if pending:
        found = {
            (entry["key_id"], entry["step"])
            for entry in key_steps(ledger, USE, min(ring.size, ledger.size))
        }
        public = {key.kid: key.jwk.fields for key in ring.keys}
        ledger.append(
            key_entry(USE, step, kid, {"jwk": public[kid]})
            for kid, step in pending
            if (kid, step) not in found
        )
        ring = replace(ring, pending=(), size=ledger.size)
        _save(ring)
    delete_unused(ring)
    return ring


def ring_error(ring: KeyRing, ledger: Ledger) -> str | None:
    """Return how the keys differ from what the trace says of them; None if they do not.

    It cannot say so of keys that were switched since the trace was opened.
    """
    if ring.size > ledger.size:
        return None
    last = {entry["key_id"]: entry["step"] for entry in key_steps(ledger, USE)}
    open_steps = dict(ring.pending)
    for key in ring.keys:
        if key.kid not in open_steps and last.get(key.kid) != key.step:
            return (
                f"the key {key.kid} of tokens is {key.step} in {ring.folder / _FILE}, and"
                f" {last.get(key.kid, 'unknown')} in the trace"
            )
    return None


def _retired_again(entry: dict[str, Any]) -> EntryBody:
    return key_entry(USE, "retired", entry["key_id"], {"jwk": entry["jwk"]})


def _new_key(ring: KeyRing) -> TokenKey:
    """Make a key, on the disk when this returns, which is `next`."""
    key = generate_rsa(BITS)
    jwk = RsaJwk.of_numbers(*key.numbers)
    path = ring.folder / f"{jwk.kid}.pem"
    try:
        replace_file(path, private_pem(key.private), 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    return TokenKey(jwk, "next")


def _save(ring: KeyRing) -> None:
    document = {
        "v": _VERSION,
        "size": ring.size,
        "pending": [{"kid": kid, "step": step} for kid, step in ring.pending],
        "keys": [{"kid": key.kid, "step": key.step, "jwk": key.jwk.fields} for key in ring.keys],
    }
    path = ring.folder / _FILE
    try:
        replace_file(path, json.dumps(document, indent=1).encode("ascii") + b"\n", 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def delete_unused(ring: KeyRing) -> None:
    """Delete the private keys that are neither active nor next: nothing is signed with them.

    The caller holds `ring_held`, perhaps with others who only read: a new key is not there before
    it is in the ring.
    """
    used = {f"{key.kid}.pem" for key in ring.keys if key.step != "retired"}
    for path in ring.folder.glob("*.pem"):
        if path.name not in used:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _unwritable(path, error) from error


def _parsed(folder: Path, fields: Any) -> KeyRing:
    if fields.keys() != {"v", "size", "pending", "keys"} or fields["v"] != _VERSION:
        raise ValueError("it is of another version, or has other fields")
    keys = tuple(_key_of(each) for each in _list(fields["keys"]))
    pending = tuple(_step_of(each, {key.kid for key in keys}) for each in _list(fields["pending"]))
    steps = [key.step for key in keys]
    if steps.count("active") != 1 or steps.count("next") != 1:
        raise ValueError("it has not one active key and one next")
    if len({key.kid for key in keys}) != len(keys):
        raise ValueError("a key is there twice")
    if type(fields["size"]) is not int or fields["size"] < 0:
        raise ValueError("size is not a number of entries")
    return KeyRing(folder, keys, pending, fields["size"])


def _list(found: object) -> list[Any]:
    if not isinstance(found, list) or len(found) > 2 * _MOST_RETIRED:
        raise ValueError("keys and pending are not lists, or too long")
    return found


def _key_of(fields: object) -> TokenKey:
    if not isinstance(fields, dict) or fields.keys() != {"kid", "step", "jwk"}:
        raise ValueError("a key has other fields than kid, step and jwk")
    key = TokenKey(RsaJwk.parse(fields["jwk"]), _step(fields["step"]))
    if key.kid != fields["kid"]:
        raise ValueError("the kid of a key is not its thumbprint")
    return key


def _step_of(fields: object, known: set[str]) -> tuple[str, KeyStep]:
    if not isinstance(fields, dict) or fields.keys() != {"kid", "step"}:
        raise ValueError("a step has other fields than kid and step")
    if fields["kid"] not in known:
        raise ValueError("a step is of an unknown key")
    return fields["kid"], _step(fields["step"])


def _step(found: object) -> KeyStep:
    if found not in _STEPS:
        raise ValueError("a step is none of next, active and retired")
    return cast(KeyStep, found)


def _unwritable(path: Path, error: OSError) -> KeyMissing:
    return KeyMissing(
        f"The key {path} cannot be written: {os_error_text(error)}.",
        "Free some space, or set XDG_CONFIG_HOME to a writable folder.",
    )
