"""The DSSE envelope: whose signature it is, and what is done to one on the way."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Key, SSlibKey  # type: ignore[attr-defined]

from gorillacomb.errors import UntrustedInput
from gorillacomb.manifest.envelope import check_signatures, pae, public_key_id, sign_payload
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.serialize import to_json
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, RsaSigningKey, public_pem
from tests.manifest.samples import SAMPLE

if TYPE_CHECKING:
    from gorillacomb.vaultmesh.keys.keys import PublicKey

PAYLOAD = to_json(SAMPLE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    return KeyStore(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def key(store: KeyStore) -> Ed25519SigningKey:
    return store.ed25519()


@pytest.fixture(scope="module")
def rsa(store: KeyStore) -> RsaSigningKey:
    made = store.make("rsa")
    assert isinstance(made, RsaSigningKey)
    return made


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Ed25519SigningKey:
    return KeyStore(tmp_path_factory.mktemp("others")).ed25519()


def test_the_published_example() -> None:
    """https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md#test-vectors"""
    encoded = pae(b"hello world", "http://example.com/HelloWorld")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    signature = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(utils.encode_dss_signature(r, s), encoded, ec.ECDSA(hashes.SHA256()))


@given(st.binary(max_size=50), st.text(st.characters(codec="utf-8"), max_size=9))
def test_the_encoding_is_that_of_securesystemslib(payload: bytes, kind: str) -> None:
    assert pae(payload, kind) == Envelope(payload, kind, {}).pae()


def test_a_signature_is_valid(key: Ed25519SigningKey, rsa: RsaSigningKey) -> None:
    known: list[PublicKey] = [key.public, rsa.private.public_key()]
    for signed, public in (
        (sign_payload(PAYLOAD, [key]), known[0]),
        (sign_payload(PAYLOAD, [rsa]), known[1]),
    ):
        for publics in (known, [public]):
            outcome = check_signatures(PAYLOAD, signed, publics)
            assert (outcome.state, outcome.key) == ("valid", public_key_id(public))
    both = sign_payload(PAYLOAD, [key, rsa])
    assert all(check_signatures(PAYLOAD, both, [public]).state == "valid" for public in known)


def test_securesystemslib_accepts_it(key: Ed25519SigningKey, rsa: RsaSigningKey) -> None:
    value = json.loads(sign_payload(PAYLOAD, [key, rsa]))
    envelope = Envelope.from_dict(value)
    assert envelope.payload == PAYLOAD
    keys: list[Key] = [
        SSlibKey.from_crypto(key.private.public_key(), public_key_id(key.public)),
        SSlibKey.from_crypto(rsa.private.public_key(), public_key_id(rsa.private.public_key())),
    ]
    assert len(envelope.verify(keys, 2)) == 2


def test_openssl_accepts_it(tmp_path: Path, key: Ed25519SigningKey, rsa: RsaSigningKey) -> None:
    ed25519, pss = json.loads(sign_payload(PAYLOAD, [key, rsa]))["signatures"]
    (tmp_path / "pae").write_bytes(pae(PAYLOAD))
    (tmp_path / "ed.sig").write_bytes(base64.b64decode(ed25519["sig"]))
    (tmp_path / "rsa.sig").write_bytes(base64.b64decode(pss["sig"]))
    (tmp_path / "ed.pem").write_bytes(public_pem(key.public))
    (tmp_path / "rsa.der").write_bytes(rsa.public)
    ed = "pkeyutl -verify -pubin -inkey ed.pem -rawin -in pae -sigfile ed.sig"
    ps = (
        "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -keyform DER"
        " -verify rsa.der -signature rsa.sig pae"
    )
    for words in (ed, ps):
        subprocess.run(["openssl", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "pae").write_bytes(pae(PAYLOAD.replace(b"package", b"Package")))
    for words in (ed, ps):
        done = subprocess.run(["openssl", *words.split()], cwd=tmp_path, capture_output=True)
        assert done.returncode != 0


def test_no_envelope_and_no_signatures(key: Ed25519SigningKey) -> None:
    assert check_signatures(PAYLOAD, None, [key.public]).state == "none"
    value = json.loads(sign_payload(PAYLOAD, [key]))
    value["signatures"] = []
    assert check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public]).state == "none"


def test_another_key_is_not_known(key: Ed25519SigningKey, stranger: Ed25519SigningKey) -> None:
    assert (
        check_signatures(PAYLOAD, sign_payload(PAYLOAD, [stranger]), [key.public]).state
        == "unknown-key"
    )
    assert check_signatures(PAYLOAD, sign_payload(PAYLOAD, [key]), []).state == "unknown-key"


def test_a_stranger_does_not_become_us_by_our_key_id(
    key: Ed25519SigningKey, stranger: Ed25519SigningKey
) -> None:
    value = json.loads(sign_payload(PAYLOAD, [stranger]))
    value["signatures"][0]["keyid"] = public_key_id(key.public)
    assert check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public]).state == "invalid"


def test_the_key_id_is_but_a_hint(key: Ed25519SigningKey) -> None:
    value = json.loads(sign_payload(PAYLOAD, [key]))
    value["signatures"][0]["keyid"] = "something else"
    assert check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public]).state == "valid"
    del value["signatures"][0]["keyid"]
    assert check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public]).state == "valid"


def test_either_base64_is_read(key: Ed25519SigningKey) -> None:
    value = json.loads(sign_payload(PAYLOAD, [key]))
    value["payload"] = base64.urlsafe_b64encode(PAYLOAD).decode()
    sig = base64.b64decode(value["signatures"][0]["sig"])
    value["signatures"][0]["sig"] = base64.urlsafe_b64encode(sig).decode()
    assert check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public]).state == "valid"


def test_the_envelope_of_another_manifest_is_invalid(key: Ed25519SigningKey) -> None:
    envelope = sign_payload(PAYLOAD, [key])
    assert check_signatures(PAYLOAD + b" ", envelope, [key.public]).state == "invalid"
    assert check_signatures(PAYLOAD + b" ", envelope, []).state == "invalid"


def test_a_manifest_that_came_by_mail_has_the_line_ends_of_mails(key: Ed25519SigningKey) -> None:
    mailed = PAYLOAD.replace(b"\n", b"\r\n")
    assert parse_manifest(mailed) == parse_manifest(PAYLOAD)
    assert check_signatures(mailed, sign_payload(PAYLOAD, [key]), [key.public]).state == "valid"
    edited = mailed.replace(b"1", b"2", 1)
    assert check_signatures(edited, sign_payload(PAYLOAD, [key]), [key.public]).state == "invalid"


@given(st.data())
def test_any_byte_of_the_manifest_counts(key: Ed25519SigningKey, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(PAYLOAD) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != PAYLOAD[at]))
    edited = PAYLOAD[:at] + bytes([byte]) + PAYLOAD[at + 1 :]
    assert check_signatures(edited, sign_payload(PAYLOAD, [key]), [key.public]).state == "invalid"


def test_any_byte_of_the_files_counts_even_without_a_signature() -> None:
    """Every single byte of every entry, one bit of it changed."""
    start = PAYLOAD.index(b'"files": [\n') + len(b'"files": [\n')
    for at in range(start, len(PAYLOAD) - len(b"\n]}}\n")):
        edited = PAYLOAD[:at] + bytes([PAYLOAD[at] ^ 1]) + PAYLOAD[at + 1 :]
        with pytest.raises(UntrustedInput):
            parse_manifest(edited)


@given(st.data())
def test_no_edit_of_the_envelope_makes_it_say_more(
    key: Ed25519SigningKey, data: st.DataObject
) -> None:
    envelope = sign_payload(PAYLOAD, [key])
    at = data.draw(st.integers(0, len(envelope) - 1))
    piece = data.draw(st.binary(max_size=2))
    edited = envelope[:at] + piece + envelope[at + 1 :]
    try:
        state = check_signatures(PAYLOAD, edited, [key.public]).state
    except UntrustedInput:
        return
    if state == "valid":  # space between its parts, or the hint
        assert json.loads(edited)["payload"] == json.loads(envelope)["payload"]
        (sig,) = json.loads(edited)["signatures"]
        assert (
            sig["sig"].translate(str.maketrans("-_", "+/"))
            == (json.loads(envelope)["signatures"][0]["sig"])
        )


Spoil = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("payload"),
        lambda value: value.pop("payloadType"),
        lambda value: value.pop("signatures"),
        lambda value: value.update(more=1),
        lambda value: value.update(payload=1),
        lambda value: value.update(payload="!"),
        lambda value: value.update(payload="é"),
        lambda value: value.update(payloadType="application/json"),
        lambda value: value.update(payloadType=["x"]),
        lambda value: value.update(signatures={}),
        lambda value: value.update(signatures=["x"]),
        lambda value: value.update(signatures=value["signatures"] * 2),
        lambda value: value.update(
            signatures=[{"keyid": str(n), "sig": ""} for n in range(10_000)]
        ),
        lambda value: value["signatures"][0].pop("sig"),
        lambda value: value["signatures"][0].update(more=1),
        lambda value: value["signatures"][0].update(sig=3),
        lambda value: value["signatures"][0].update(sig="!"),
        lambda value: value["signatures"][0].update(sig="A" * 8192),
        lambda value: value["signatures"][0].update(keyid=3),
    ],
)
def test_what_is_no_envelope_is_refused(key: Ed25519SigningKey, spoil: Spoil) -> None:
    value = json.loads(sign_payload(PAYLOAD, [key]))
    spoil(value)
    with pytest.raises(UntrustedInput) as caught:
        check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"[" * 10**6, b'{"payload":"'])
def test_what_is_no_json_object_is_refused(key: Ed25519SigningKey, data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        check_signatures(PAYLOAD, data, [key.public])


def test_keys_that_stand_twice_are_refused(key: Ed25519SigningKey) -> None:
    data = sign_payload(PAYLOAD, [key]).replace(
        b'"payloadType"', b'"payloadType": "x", "payloadType"'
    )
    with pytest.raises(UntrustedInput, match="twice"):
        check_signatures(PAYLOAD, data, [key.public])


@pytest.mark.parametrize("length", [0, 1, 63, 65, 256])
def test_a_signature_of_another_length_is_none_of_ours(key: Ed25519SigningKey, length: int) -> None:
    value = json.loads(sign_payload(PAYLOAD, [key]))
    value["signatures"][0]["sig"] = base64.b64encode(b"\0" * length).decode()
    assert check_signatures(PAYLOAD, json.dumps(value).encode(), [key.public]).state == "invalid"
