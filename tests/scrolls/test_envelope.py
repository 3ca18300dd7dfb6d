"""Envelopes: both signatures are needed, no byte can be changed, and outsiders check them."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

from gorillacomb.errors import UntrustedInput
from gorillacomb.manifest.envelope import pae, public_key_id
from gorillacomb.scrolls.envelope import (
    ScrollEnvelope,
    check_envelope,
    parse_envelope,
    sign_scroll,
)
from gorillacomb.scrolls.statement import to_payload
from gorillacomb.vaultmesh.jcs import canonical_json
from tests.scrolls.samples import (
    STATEMENT,
    changed,
    ecdsa_key,
    ed25519_key,
    publics,
    rsa_key,
    signed,
)


def states(data: bytes, keys: list[Any] | None = None) -> list[str]:
    found = check_envelope(parse_envelope(data), publics() if keys is None else keys)
    return [each.state for each in found]


def edited(change: Callable[[dict[str, Any]], object], data: bytes | None = None) -> bytes:
    """An envelope with something changed in its JSON, written as ours are."""
    value = json.loads(signed() if data is None else data)
    change(value)
    return json.dumps(value, indent=1).encode() + b"\n"


def failure(data: bytes) -> str:
    """What failed, in words; empty if nothing did."""
    try:
        found = check_envelope(parse_envelope(data), publics())
    except UntrustedInput as error:
        return error.message
    return "; ".join(each.cause for each in found if each.state != "valid")


def test_a_scroll_is_signed_by_both() -> None:
    found = parse_envelope(signed())
    assert found.statement == STATEMENT and found.payload == to_payload(STATEMENT)
    assert [each.key for each in check_envelope(found, publics())] == [
        public_key_id(each) for each in publics()
    ]
    assert failure(signed()) == ""
    bits = rsa_key(1, 3072)
    larger = sign_scroll(found.payload, ed25519_key(), bits)
    assert states(larger, [ed25519_key().public, bits.private.public_key()]) == ["valid"] * 2


def test_a_changed_byte_anywhere_fails_with_the_name_of_what_failed() -> None:
    good = signed()
    named = ("payload", "Ed25519", "RSA", "envelope", "signature", "scroll", "base64", "UTF-8")
    for at in range(len(good)):
        for bit in (1, 0x20):
            bad = good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :]
            said = failure(bad)
            assert said and any(name in said for name in named), (at, bit, said)


def test_a_changed_byte_of_the_payload_alone_fails_with_the_names_of_both_signatures() -> None:
    """As an attacker would do it: in the payload, with the envelope well-formed."""
    payload = to_payload(STATEMENT)
    refused = 0
    for at in range(len(payload)):
        bad = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        encoded = base64.b64encode(bad).decode()
        said = failure(edited(partial(dict.update, payload=encoded)))
        if "refused" in said:
            refused += 1
        else:
            assert "Ed25519 signature is not" in said and "RSA signature is not" in said, (at, said)
    assert 0 < refused < len(payload)


@given(st.data())
def test_no_change_of_an_envelope_is_ever_valid(data: st.DataObject) -> None:
    good = signed()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    bad = good[:start] + data.draw(st.binary(max_size=40)) + good[end:]
    assert bad == good or failure(bad)


@pytest.mark.parametrize("left", ["ed25519", "rsa"])
def test_a_single_signature_is_not_enough(left: str) -> None:
    keep = 0 if left == "ed25519" else 1
    stripped = edited(lambda value: value.update(signatures=[value["signatures"][keep]]))
    found = {each.kind: each.state for each in check_envelope(parse_envelope(stripped), publics())}
    assert found == {"ed25519": "missing", "rsa": "missing", left: "valid"}
    other = "RSA" if left == "ed25519" else "Ed25519"
    assert failure(stripped) == f"the {other} signature is missing"
    assert states(edited(lambda value: value.update(signatures=[]))) == ["missing", "missing"]


def test_one_key_twice_is_no_second_key() -> None:
    def twice(number: int, name: str | None = None) -> bytes:
        def change(value: dict[str, Any]) -> None:
            copy = dict(value["signatures"][number])
            copy["keyid"] = name or copy["keyid"]
            value["signatures"] = [value["signatures"][number], copy]

        return edited(change)

    for number, kind in enumerate(("Ed25519", "RSA")):
        assert f"two {kind} signatures" in failure(twice(number))
        assert f"two {kind} signatures" in failure(twice(number, "0" * 16))


def test_key_ids_that_are_swapped_or_made_up() -> None:
    def swap(value: dict[str, Any]) -> None:
        first, second = value["signatures"]
        first["keyid"], second["keyid"] = second["keyid"], first["keyid"]

    assert states(edited(swap)) == ["invalid", "invalid"]
    assert "names another key" in failure(edited(swap))

    def blank(value: dict[str, Any]) -> None:
        value["signatures"][0]["keyid"] = ""

    assert states(edited(blank)) == ["invalid", "valid"]
    assert (
        states(signed(), [ed25519_key(7).public, rsa_key(7).private.public_key()])
        == ["unknown-key"] * 2
    )
    # The order in which they are listed says nothing.
    assert states(edited(lambda value: value["signatures"].reverse())) == ["valid", "valid"]


def resigned(kind: int, signature: bytes) -> bytes:
    text = base64.b64encode(signature).decode()
    return edited(lambda value: value["signatures"][kind].update(sig=text))


def test_a_signature_over_something_else() -> None:
    payload = to_payload(STATEMENT)
    for message in (payload, pae(payload, "application/json"), b""):
        assert states(resigned(0, ed25519_key().sign(message))) == ["invalid", "valid"]
        assert states(resigned(1, rsa_key().sign(message))) == ["valid", "invalid"]
    other = sign_scroll(to_payload(changed(nonce="0" * 32)), ed25519_key(), rsa_key())
    taken = json.loads(other)["signatures"]
    assert states(edited(lambda value: value.update(signatures=taken))) == ["invalid", "invalid"]


def test_schemes_and_keys_that_are_not_asked_for() -> None:
    message = pae(to_payload(STATEMENT))
    private, sha256 = rsa_key().private, hashes.SHA256()
    schemes: list[Any] = [
        padding.PKCS1v15(),
        padding.PSS(padding.MGF1(sha256), 20),
        padding.PSS(padding.MGF1(sha256), padding.PSS.MAX_LENGTH),
        padding.PSS(padding.MGF1(hashes.SHA1()), 32),
    ]
    for scheme in schemes:
        assert states(resigned(1, private.sign(message, scheme, sha256))) == ["valid", "invalid"]
    assert "neither Ed25519 nor RSA" in failure(resigned(0, ecdsa_key().sign(message)))
    assert "neither Ed25519 nor RSA" in failure(resigned(1, b""))
    assert "neither Ed25519 nor RSA" in failure(
        resigned(1, private.sign(message, schemes[0], sha256)[:128])
    )
    # An Ed25519 key in the place of the RSA key.
    assert "two Ed25519" in failure(resigned(1, ed25519_key(1).sign(message)))
    assert states(signed(), [ed25519_key().public]) == ["valid", "unknown-key"]
    assert states(signed(), [rsa_key().private.public_key()]) == ["unknown-key", "valid"]
    assert states(signed(), []) == ["unknown-key"] * 2


def test_forms_of_an_envelope_that_are_refused() -> None:
    value = json.loads(signed())
    compact = json.dumps(value).encode()
    url_safe = edited(
        lambda it: it["signatures"][1].update(
            sig=it["signatures"][1]["sig"].translate(str.maketrans("+/", "-_"))
        )
    )
    for bad in (
        b"",
        b"null",
        b"[]",
        b"{}",
        compact,
        signed() + b"\n",
        b" " + signed(),
        signed().replace(b"\n", b"\r\n"),
        signed().replace(b'"payload"', b'"payload": "", "payload"', 1),
        signed().replace(b'"keyid"', b'"\\u006beyid"', 1),
        edited(lambda it: it.update(more=1)),
        edited(lambda it: it.update(payloadType="application/json")),
        edited(lambda it: it["signatures"][0].update(cert="")),
        edited(lambda it: it.update(signatures={})),
        edited(lambda it: it.update(signatures=None)),
        edited(lambda it: it.update(payload=7)),
        edited(lambda it: it["signatures"][0].update(sig=7)),
        edited(lambda it: it["signatures"][0].update(keyid=None)),
        edited(lambda it: it["signatures"].extend(it["signatures"] * 20)),
        url_safe,
        b" " * (1 << 20),
        b"[" * 50_000,
    ):
        with pytest.raises(UntrustedInput, match="refused"):
            parse_envelope(bad)


def test_a_payload_that_is_not_in_canonical_form() -> None:
    payload = to_payload(STATEMENT)
    value = json.loads(payload)
    for bad in (
        json.dumps(value).encode(),
        json.dumps(value, sort_keys=False, separators=(",", ":")).encode()[:-1] + b" }",
        payload + b"\n",
        payload.replace(b'"kind":"treaty"', b'"kind":"seal","kind":"treaty"'),
        payload.replace(b"treaty", b"\\u0074reaty"),
    ):
        assert bad != payload
        envelope = sign_scroll(bad, ed25519_key(), rsa_key())
        with pytest.raises(UntrustedInput, match=r"canonical form|occurs in it twice"):
            parse_envelope(envelope)


# By programs that have nothing of ours.


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What `openssl` takes: the signed bytes, both signatures, both public keys."""
    value = json.loads(signed())
    payload = base64.b64decode(value["payload"])
    kind = value["payloadType"].encode()
    (tmp_path / "signed").write_bytes(
        b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    )
    for name, each in zip(("ed25519", "rsa"), value["signatures"], strict=True):
        (tmp_path / f"{name}.sig").write_bytes(base64.b64decode(each["sig"]))
    (tmp_path / "ed25519.pem").write_bytes(ed25519_key().public_pem)
    (tmp_path / "rsa.pem").write_bytes(rsa_key().public_pem)
    return tmp_path


ED25519 = "openssl pkeyutl -verify -rawin -pubin -in signed -sigfile ed25519.sig -inkey ed25519.pem"
RSA = (
    "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"
    " -sigopt rsa_mgf1_md:sha256 -verify rsa.pem -signature rsa.sig signed"
)


def openssl(command: str, folder: Path) -> bool:
    ran = subprocess.run(command.split(), cwd=folder, capture_output=True)
    return ran.returncode == 0 and (b"Verified OK" in ran.stdout or b"Successfully" in ran.stdout)


@pytest.mark.parametrize(("name", "command"), [("ed25519", ED25519), ("rsa", RSA)])
def test_openssl_verifies_both_from_the_exact_bytes(files: Path, name: str, command: str) -> None:
    assert openssl(command, files)
    for file in ("signed", f"{name}.sig"):
        good = (files / file).read_bytes()
        for place in (0, len(good) // 2, len(good) - 1):
            (files / file).write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            assert not openssl(command, files), (file, place)
        (files / file).write_bytes(good)
    assert openssl(command, files)


def sslib_keys(*pems: bytes) -> list[SSlibKey]:
    found = []
    for pem in pems:
        public: Any = load_pem_public_key(pem)
        raw = public.public_bytes_raw() if hasattr(public, "public_bytes_raw") else public
        scheme = "ed25519" if isinstance(raw, bytes) else "rsassa-pss-sha256"
        found.append(SSlibKey.from_crypto(public, public_key_id(raw), scheme))
    return found


def without(number: int) -> bytes:
    """The envelope without one of its signatures."""
    return edited(lambda value: value["signatures"].pop(number))


def test_securesystemslib_verifies_with_a_threshold_of_two() -> None:
    keys: Any = sslib_keys(ed25519_key().public_pem, rsa_key().public_pem)
    envelope = Envelope.from_dict(json.loads(signed()))
    assert set(envelope.verify(keys, 2)) == {each.keyid for each in keys}
    for number in (0, 1):
        stripped = without(number)
        with pytest.raises(VerificationError):
            Envelope.from_dict(json.loads(stripped)).verify(keys, 2)
        assert Envelope.from_dict(json.loads(stripped)).verify(keys, 1), "so that 1 is too few"
    other = edited(lambda value: value.update(payload=base64.b64encode(b"{}").decode()))
    with pytest.raises(VerificationError):
        Envelope.from_dict(json.loads(other)).verify(keys, 2)


def test_what_is_signed_is_what_dsse_says() -> None:
    found: ScrollEnvelope = parse_envelope(signed())
    assert Envelope.from_dict(json.loads(signed())).pae() == pae(found.payload)
    assert canonical_json(json.loads(found.payload)) == found.payload
