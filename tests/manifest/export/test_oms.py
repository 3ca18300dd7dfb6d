"""The OpenSSF signature: `model_signing verify key` accepts it, and notices what changed."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.errors import KeyMissing, UntrustedInput
from gorillacomb.manifest.export.oms import bundle
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import PASSPHRASE, EcdsaSigningKey
from tests.manifest.export.exports import (
    NOT_UTF8,
    ODD_NAMES,
    change_a_byte,
    left,
    manifest_of,
    odd_tree,
)
from tests.manifest.export.exports import tool as outside_tool
from tests.support.trees import Link, make_tree


@pytest.fixture
def key(tmp_path: Path) -> EcdsaSigningKey:
    return KeyStore(tmp_path / "keys").ecdsa()


def verify(
    top: Path, signature: bytes, key: EcdsaSigningKey, *options: str, inside: bool = False
) -> subprocess.CompletedProcess[bytes]:
    if importlib.util.find_spec("model_signing") is None:
        pytest.skip("MISSING: model-signing, to check with: pip install model-signing")
    signed = (top if inside else top.parent) / "model.sig"
    signed.write_bytes(signature)
    public = top.parent / "key.pub"
    public.write_bytes(key.public_pem)
    words = ["verify", "key", str(top), "--signature", str(signed), "--public_key", str(public)]
    # In a process of its own: it is the command that is to accept what we write.
    return subprocess.run(
        [sys.executable, "-m", "model_signing", *words, *options], capture_output=True, timeout=60
    )


@pytest.mark.parametrize("inside", [False, True])
def test_model_signing_accepts_every_name_that_is_carried(
    inside: bool, tmp_path: Path, key: EcdsaSigningKey
) -> None:
    top = odd_tree(tmp_path / "tree", ODD_NAMES)
    exported = bundle(manifest_of(top), key)
    assert exported.left_out == ()
    done = verify(top, exported.data, key, inside=inside)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ["plain", "new\nline", "folders/back\\slash/in it"])
def test_model_signing_notices_one_changed_byte(
    path: str, tmp_path: Path, key: EcdsaSigningKey
) -> None:
    top = odd_tree(tmp_path / "tree", ODD_NAMES)
    exported = bundle(manifest_of(top), key)
    change_a_byte(top / path)
    done = verify(top, exported.data, key)
    assert done.returncode == 1
    assert b"Hash mismatch" in done.stderr


def test_model_signing_notices_another_key_and_an_edited_payload(
    tmp_path: Path, key: EcdsaSigningKey
) -> None:
    top = make_tree(tmp_path / "tree", {"file": "x"})
    exported = bundle(manifest_of(top), key)
    other = KeyStore(tmp_path / "others").ecdsa()
    assert verify(top, exported.data, other).returncode == 1
    document = json.loads(exported.data)
    payload = base64.b64decode(document["dsseEnvelope"]["payload"]).replace(b"tree", b"free")
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    assert verify(top, json.dumps(document).encode(), key).returncode == 1


def test_files_of_git_at_the_top_are_left_out_and_do_not_matter(
    tmp_path: Path, key: EcdsaSigningKey
) -> None:
    top = make_tree(
        tmp_path / "tree",
        {
            "file": "x",
            ".git": {"HEAD": "ref"},
            ".gitignore": "*",
            ".gitattributes": "",
            ".github": {"workflows": {"ci.yml": "on:"}},
            ".gitmodules": "",
            "inner": {".git": {"HEAD": "ref"}, ".gitignore": "*"},
        },
    )
    exported = bundle(manifest_of(top), key)
    found = left(exported.left_out)
    ignored = {b".git/HEAD", b".gitignore", b".gitattributes", b".github/workflows/ci.yml"}
    assert found.keys() == ignored
    assert all("of git" in cause for cause in found.values())
    for options in ((), ("--no-ignore-git-paths",)):
        done = verify(top, exported.data, key, *options)
        assert done.returncode == 0, done.stderr
    change_a_byte(top / "inner/.git/HEAD")
    assert verify(top, exported.data, key).returncode == 1


def test_what_json_cannot_name_is_left_out(tmp_path: Path, key: EcdsaSigningKey) -> None:
    top = odd_tree(tmp_path / "tree", (*NOT_UTF8, b"plain"))
    make_tree(top, {"link": Link("plain"), "empty": {}})
    exported = bundle(manifest_of(top), key)
    found = left(exported.left_out)
    assert found.keys() == {
        *NOT_UTF8,
        *(b"folders/%s/in it" % name for name in NOT_UTF8),
        *(b"link", b"empty"),
    }
    # As the module says: with files that are not signed, or links, only so.
    assert verify(top, exported.data, key).returncode == 1
    assert verify(top, exported.data, key, "--ignore_unsigned_files").returncode == 0
    change_a_byte(top / "plain")
    assert verify(top, exported.data, key, "--ignore_unsigned_files").returncode == 1


def test_openssl_accepts_the_signature(tmp_path: Path, key: EcdsaSigningKey) -> None:
    """The envelope is checked as its specification says, with nothing of ours."""
    document = json.loads(bundle(manifest_of(make_tree(tmp_path / "t", {"a": "x"})), key).data)
    envelope: dict[str, Any] = document["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "pub").write_bytes(key.public_pem)
    words = ("openssl", "dgst", "-sha256", "-verify", tmp_path / "pub", "-signature")
    for data, code in ((signed, 0), (signed + b" ", 1)):
        done = outside_tool(*words, tmp_path / "sig", package="openssl", stdin=data)
        assert done.returncode == code, done
    hint = document["verificationMaterial"]["publicKey"]["hint"]
    assert hint == sha256(key.public_pem).hexdigest()


def test_the_key_is_made_once_and_kept_to_oneself(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    assert store.current("ecdsa") is None
    key = store.ecdsa()
    assert store.ecdsa().public == key.public
    assert (tmp_path / "keys/ecdsa.pem").stat().st_mode & 0o7777 == 0o600
    assert store.publics() == []
    store.make("ecdsa")
    assert store.ecdsa().public != key.public
    assert len(list((tmp_path / "keys").iterdir())) == 2, "the old one is kept"


def test_the_key_can_be_closed_by_a_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore(tmp_path / "keys")
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    public = store.ecdsa().public
    assert store.ecdsa().public == public
    monkeypatch.delenv(PASSPHRASE)
    with pytest.raises(KeyMissing, match="passphrase"):
        store.ecdsa()


@pytest.mark.parametrize("curve", ["secp256k1", "secp384r1", "ed25519"])
def test_a_key_of_another_kind_in_its_place_is_refused(curve: str, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    pem = tmp_path / "keys" / "ecdsa.pem"
    of = ("ed25519",) if curve == "ed25519" else ("EC", "-pkeyopt", f"ec_paramgen_curve:{curve}")
    made = outside_tool("openssl", "genpkey", "-algorithm", *of, "-out", pem, package="openssl")
    assert made.returncode == 0, made.stderr
    with pytest.raises(UntrustedInput):
        KeyStore(tmp_path / "keys").ecdsa()
