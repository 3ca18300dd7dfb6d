"""Each attack on a token: it is signed correctly unless the attack is about the signature."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb.tokens.access_token import (
    MOST_BYTES,
    MOST_SECONDS,
    InvalidToken,
    TokenClaims,
    read_claims,
    sign_token,
    verify_token,
)
from gorillacomb.tokens.jwk import RsaJwk, strict_object
from tests.tokens.forging import (
    ORIGIN,
    a_key,
    claims,
    encoded,
    header,
    jwk_of,
    signed,
    with_hmac,
)

KID = jwk_of(a_key()).kid


def active(kid: str) -> RsaJwk | None:
    return jwk_of(a_key()) if kid == KID else None


def verify(token: str) -> TokenClaims:
    return verify_token(token, ORIGIN, active)


def refused(token: str, reason: str) -> None:
    with pytest.raises(InvalidToken) as error:
        verify(token)
    assert reason in error.value.message, error.value.message


def ours(**changes: Any) -> str:
    return signed(a_key(), header(KID), claims(**changes))


def test_what_is_signed_is_verified() -> None:
    token, made = sign_token(a_key(), KID, ORIGIN, "script", ("read:index", "plan"), 60)
    assert verify(token) == made
    assert made.expires - made.issued == 60
    assert jwt.get_unverified_header(token) == {"alg": "PS256", "kid": KID, "typ": "at+jwt"}
    body = read_claims(token)
    assert body["iss"] == ORIGIN and body["aud"] == ORIGIN + "/api"
    assert body["scope"] == "read:index plan"
    assert len(token) < MOST_BYTES
    assert verify(ours()).subject == "script"  # what the attacks below begin with


def test_none_is_no_algorithm() -> None:
    for name in ("none", "None", "NONE", "nOnE"):
        for tail in ("", encoded(a_key().sign(b"")), "AA"):
            token = f"{encoded(header(KID, alg=name))}.{encoded(claims())}.{tail}"
            refused(token, "It is not" if not tail else "not signed with PS256")
    for alg in ("", None, 0, ["PS256"], {"PS256": 1}, ..., "ps256", "PS256 ", "PS384"):
        refused(signed(a_key(), header(KID, alg=alg), claims()), "not signed with PS256")


def test_the_public_key_is_no_secret() -> None:
    key = a_key()
    jwk = jwk_of(key)
    secrets: list[bytes] = [
        key.public_pem,
        key.public_pem.strip(),
        key.public,
        jwk.n.encode(),
        KID.encode(),
        json.dumps(jwk.fields).encode(),
        json.dumps(jwk.fields, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(jwk.published()).encode(),
        key.numbers[0].to_bytes(256, "big"),
        b"",
    ]
    for secret in secrets:
        for alg in ("HS256", "HS384", "HS512"):
            refused(with_hmac(secret, header(KID, alg=alg), claims()), "not signed with PS256")
        refused(with_hmac(secret, header(KID), claims()), "signature is wrong")


def test_another_scheme_of_the_same_key() -> None:
    key = a_key().private

    def by(scheme: padding.AsymmetricPadding, kind: hashes.HashAlgorithm) -> str:
        text = f"{encoded(header(KID))}.{encoded(claims())}"
        return f"{text}.{encoded(key.sign(text.encode(), scheme, kind))}"

    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    assert verify(by(pss, hashes.SHA256()))
    for token in (
        by(padding.PKCS1v15(), hashes.SHA256()),  # RS256
        by(padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384()),
        by(padding.PSS(padding.MGF1(hashes.SHA1()), 32), hashes.SHA256()),
        by(padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256()),
    ):
        refused(token, "signature is wrong")
    rs = f"{encoded(header(KID, alg='RS256'))}.{encoded(claims())}"
    sign = key.sign(rs.encode(), padding.PKCS1v15(), hashes.SHA256())
    refused(f"{rs}.{encoded(sign)}", "not signed with PS256")


def test_another_key() -> None:
    refused(signed(a_key(1), header(KID), claims()), "signature is wrong")
    other = jwk_of(a_key(1))
    refused(signed(a_key(1), header(other.kid), claims()), "unknown")


def test_a_kid_that_is_not_ours() -> None:
    for kid in (
        *("../../../../etc/passwd", "/dev/null", "keys.json", "' OR 1=1 --", ""),
        *("http://evil.example/jwks.json", KID + "\n", KID + "/", KID[:-1], KID.swapcase()),
        *(None, 0, [KID], {"kid": KID}, True, f"../{KID}", f"{KID}.pem", KID + "\0"),
    ):
        with pytest.raises(InvalidToken):
            verify(signed(a_key(), header(KID, kid=kid), claims()))


@pytest.mark.parametrize(
    "more",
    [
        {"jwk": jwk_of(a_key(1)).published()},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"x5t": "AA"},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"crit": []},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"x": 1},
    ],
    ids="+".join,
)
def test_other_header_fields(more: dict[str, Any]) -> None:
    """A key in the token proves nothing: that of the attacker verifies what he signed."""
    for key in (a_key(), a_key(1)):
        refused(signed(key, {**header(KID), **more}, claims()), "other fields")


@pytest.mark.parametrize("typ", [..., None, "JWT", "jwt", "AT+JWT", "application/at+jwt", "", 1])
def test_another_type(typ: object) -> None:
    refused(signed(a_key(), header(KID, typ=typ), claims()), "type")


NAMES = sorted(claims())


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_claim(name: str) -> None:
    refused(ours(**{name: ...}), f'missing the "{name}" claim')
    refused(ours(**{name: None}), f'missing the "{name}" claim')


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [True, False, 0, -1, 1.5, 1e300, "", "x", "1", [], ["x"], {}, {"x": "y"}, 1 << 70],
    ids=repr,
)
def test_a_claim_of_another_kind(name: str, value: object) -> None:
    with pytest.raises(InvalidToken):
        verify(ours(**{name: value}))


@pytest.mark.parametrize(
    "audience",
    [
        "gorillacomb/" + "0b" * 16 + "/api",
        ORIGIN,
        ORIGIN + "/api/",
        ORIGIN + "/API",
        [ORIGIN + "/api"],
        [ORIGIN + "/api", "other"],
        {ORIGIN + "/api": 1},
        "*",
    ],
    ids=repr,
)
def test_another_audience(audience: object) -> None:
    refused(ours(aud=audience), "another server")


def test_another_vault() -> None:
    other = "gorillacomb/" + "0b" * 16
    refused(signed(a_key(), header(KID), claims(other)), "")
    refused(ours(iss=other), "another vault")
    refused(ours(iss=[ORIGIN]), "another vault")


def test_times() -> None:
    now = int(time.time())
    refused(ours(iat=now - 900, nbf=now - 900, exp=now - 1), "expired")
    refused(ours(iat=now - 900, nbf=now - 900, exp=now), "expired")
    refused(ours(nbf=now + 60), "not valid yet")
    refused(ours(iat=now + 60, nbf=now + 60, exp=now + 120), "not valid yet")
    for seconds in (901, 3600, 10**9):
        refused(ours(exp=now + seconds), "longer than 900 seconds")
    refused(ours(iat=now - 800, nbf=now - 800, exp=now + 101), "longer than 900 seconds")
    refused(ours(nbf=now - 5), "")  # before it was issued
    refused(ours(iat=now - 10, nbf=now + 0, exp=now - 0), "expired")
    assert verify(ours(iat=now - 890, nbf=now - 890, exp=now + 10))
    for made in (0, -1, 901, 10**9):
        with pytest.raises(ValueError):
            sign_token(a_key(), KID, ORIGIN, "script", ("plan",), made)
    assert MOST_SECONDS == 900


@pytest.mark.parametrize(
    "scope",
    [
        "admin",
        "read:index read:index",
        "plan read:index",
        " read:index",
        "read:index ",
        "read:index  plan",
        "read:index\tplan",
        "READ:INDEX",
        "read:*",
        "*",
    ],
)
def test_scopes_that_nobody_makes(scope: str) -> None:
    refused(ours(scope=scope), "scope")


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": "x" * 32},
        {"jti": "A" * 32},
        {"jti": "0" * 31},
        {"jti": "0" * 32 + "\n"},
        {"sub": "a b", "client_id": "a b"},
        {"sub": "-", "client_id": "-"},
        {"sub": "x" * 65, "client_id": "x" * 65},
        {"sub": "x\n", "client_id": "x\n"},
        {"client_id": "other"},
        {"admin": True},
        {"act": {"sub": "x"}},
        {"scp": "plan"},
    ],
    ids=str,
)
def test_other_claims(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        verify(ours(**changes))


def text(fields: dict[str, Any], again: dict[str, Any]) -> bytes:
    """A JSON object with some names twice."""
    return (json.dumps(fields)[:-1] + "," + json.dumps(again)[1:]).encode()


@pytest.mark.parametrize("name", NAMES)
def test_a_claim_that_is_there_twice(name: str) -> None:
    body = claims()
    for other in (body[name], "read:index plan"):
        for first, second in ((body, {name: other}), ({name: other}, body)):
            token = signed(a_key(), header(KID), text(first, second))
            with pytest.raises(InvalidToken):
                verify(token)
    refused(signed(a_key(), header(KID), text(body, {name: body[name]})), "twice")


@pytest.mark.parametrize("name", ["alg", "kid", "typ"])
def test_a_header_field_that_is_there_twice(name: str) -> None:
    head = header(KID)
    for first, second in ((head, {name: "none"}), ({name: "none"}, head), (head, head)):
        refused(signed(a_key(), text(first, second), claims()), "twice")


def test_claims_that_are_not_an_object() -> None:
    deep = b"[" * 1500
    nested = b'{"a":' * 300 + b"1" + b"}" * 300
    numbers = json.dumps(claims()).replace('"exp": ', '"exp": 1').encode()
    for body in (b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff", b"{}x", deep, nested, numbers):
        with pytest.raises(InvalidToken):
            verify(signed(a_key(), header(KID), body))
    for value in (b"NaN", b"Infinity", b"-Infinity", b"1e3", b"1.0"):
        exact = json.dumps(claims(exp=123456)).encode().replace(b"123456", value)
        with pytest.raises(InvalidToken):
            verify(signed(a_key(), header(KID), exact))
    for head in (b"", b"null", b"[]", b'"x"', b"{", deep[:300], b"\xff\xfe"):
        refused(signed(a_key(), head, claims()), "")


def test_forms_of_one_token() -> None:
    """There is one way to write a token: another one could get past what compares them."""
    token = ours()
    head, body, sign = token.split(".")
    for other in (
        *("", ".", "..", "...", "a.b.c", f"{token}.", f".{token}", f"{head}.{body}"),
        *(f"{head}.{body}.", f"{head}..{sign}", f".{body}.{sign}", f"{token}.{sign}"),
        *(f"{token}=", f"{token}==", f"{head}=.{body}.{sign}", f"{token}\n", f" {token}"),
        *(f"{token[:100]}\n{token[100:]}", f"{head} .{body}.{sign}", token.replace(".", "%2E")),
        *(f"{head}.{body}.{sign}é", token + "A", token + "AAAA", token.upper(), f"{token}\0"),
        json.dumps({"payload": body, "signatures": [{"protected": head, "signature": sign}]}),
        f"{head}..{body}.{sign}.{sign}",  # of five parts, as one that is encrypted
    ):
        with pytest.raises(InvalidToken):
            verify(other)
        assert verify(token)


def test_a_token_that_is_too_long() -> None:
    for size in (MOST_BYTES + 1, 1 << 20):
        refused("A" * size, "too long")
        refused(f"{ours()}.{'A' * size}", "too long")
    for name in ("sub", "scope", "jti", "aud", "x"):
        refused(ours(**{name: "x" * 3000}), "too long")


def test_a_key_that_is_too_short() -> None:
    short = a_key(0, 1024)
    kid = jwk_of(short).kid
    token = signed(short, header(kid), claims())
    with pytest.raises(InvalidToken, match="bits"):
        verify_token(token, ORIGIN, lambda _: jwk_of(short))
    with pytest.raises(ValueError):
        sign_token(short, kid, ORIGIN, "script", ("plan",), 60)
    with pytest.raises(ValueError, match="1024 bits"):
        RsaJwk.parse(jwk_of(short).fields)


TOKEN = ours(exp=int(time.time()) + 900)


@given(place=st.integers(0, len(TOKEN) - 1), bit=st.integers(0, 7))
@settings(max_examples=400, deadline=None)
def test_a_bit_is_flipped(place: int, bit: int) -> None:
    data = bytearray(TOKEN, "latin-1")
    data[place] ^= 1 << bit
    with pytest.raises(InvalidToken):
        verify(data.decode("latin-1"))


@given(
    part=st.integers(0, 2),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
@settings(max_examples=300, deadline=None)
def test_a_bit_of_what_is_encoded_is_flipped(part: int, place: float, bit: int) -> None:
    parts = TOKEN.split(".")
    data = bytearray(jwt.utils.base64url_decode(parts[part]))
    data[int(place * len(data))] ^= 1 << bit
    parts[part] = encoded(bytes(data))
    with pytest.raises(InvalidToken):
        verify(".".join(parts))


@given(st.text(max_size=300) | st.from_regex(r"[\w-]{1,80}\.[\w-]{1,80}\.[\w-]{1,80}"))
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_in_words(found: str) -> None:
    with pytest.raises(InvalidToken):
        verify(found)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from(NAMES), JSON, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_any_claims_are_valid_or_refused_in_words(changes: dict[str, Any]) -> None:
    """Whatever was signed: it is either exactly what a token of ours can say, or refused."""
    body = claims(**changes)
    token = signed(a_key(), header(KID), body)
    try:
        found = verify(token)
    except InvalidToken as error:
        assert error.message
        return
    assert 0 < found.expires - found.issued <= MOST_SECONDS
    assert all(type(body[name]) is type(value) for name, value in claims().items())


class TestThumbprints:
    def test_the_example_of_rfc_7638(self) -> None:
        n = (
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
            "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0"
            "_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWh"
            "AI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        )
        assert RsaJwk(n, "AQAB").kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

    @pytest.mark.parametrize(
        "change",
        [
            lambda each: {**each, "d": "AA"},
            lambda each: {**each, "kty": "oct"},
            lambda each: {**each, "n": each["n"] + "=="},
            lambda each: {**each, "n": "AA" + each["n"]},
            lambda each: {**each, "n": each["n"][:100]},
            lambda each: {**each, "n": 5},
            lambda each: {**each, "e": "Aw"},
            lambda each: {**each, "e": "AAEAAQ"},
            lambda each: {key: each[key] for key in ("n", "e")},
            lambda each: [each],
        ],
    )
    def test_a_key_is_written_in_one_way(self, change: Callable[[Any], Any]) -> None:
        fields = jwk_of(a_key()).fields
        assert RsaJwk.parse(fields) == jwk_of(a_key())
        with pytest.raises(ValueError):
            RsaJwk.parse(change(fields))

    def test_objects(self) -> None:
        assert strict_object(b'{"a": 1}') == {"a": 1}
        for wrong in (
            b'{"a": 1, "a": 1}',
            b"[]",
            b'{"a": 1.0}',
            b"[" * 100_000,
            b'{"a": {"b": 1, "b": 1}}',
        ):
            with pytest.raises(ValueError):
                strict_object(wrong)
