"""Another implementation, `jose` of npm: it verifies our tokens, and we refuse its wrong ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from gorillacomb.api.tokens.keys import rotate_token_key
from gorillacomb.api.tokens.tokens import create_token
from gorillacomb.vault.vault import Vault
from tests.support.run import REPOSITORY
from tests.support.server import Server
from tests.tokens.forging import claims
from tests.web.test_bearer import ask, is_refused, keep, signing_key

MODULE = REPOSITORY / ".ci/node/node_modules/jose/dist/webapi/index.js"
PEM = "-----BEGIN PRIVATE KEY-----"


@dataclass
class Jose:
    """The other program, which answers one command after another."""

    stdin: IO[str]
    stdout: IO[str]

    def __call__(self, name: str, **values: Any) -> Any:
        self.stdin.write(json.dumps({"name": name, **values}) + "\n")
        self.stdin.flush()
        return json.loads(self.stdout.readline())


@pytest.fixture(scope="module")
def jose() -> Iterator[Jose]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("MISSING: node, to check tokens with another program: apt install npm")
    if not MODULE.exists():
        pytest.skip("MISSING: jose, to check tokens with it: npm ci --prefix .ci/node")
    words = [node, str(Path(__file__).parent / "jose.mjs"), str(MODULE)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ran:
        assert ran.stdin is not None and ran.stdout is not None
        yield Jose(ran.stdin, ran.stdout)
        ran.stdin.close()
        assert ran.wait(30) == 0


def key_set(server: Server) -> Any:
    answer = server.get("/.well-known/jwks.json", {"Cookie": None})
    assert answer.status == 200
    return answer.json()


def test_it_verifies_ours(server: Server, jose: Jose) -> None:
    made = create_token(Vault(server.vault), ["read:index", "plan"], subject="backup-script")
    found = jose(
        *("verify",),
        token=made.token,
        jwks=key_set(server),
        issuer=made.issuer,
        audience=made.audience,
    )
    assert "error" not in found, found
    assert found["payload"]["scope"] == "read:index plan"
    assert found["payload"]["sub"] == found["payload"]["client_id"] == "backup-script"
    assert found["payload"]["jti"] == made.facts.id
    assert found["header"] == {"alg": "PS256", "kid": made.facts.kid, "typ": "at+jwt"}


def test_it_refuses_what_we_refuse(server: Server, jose: Jose) -> None:
    made = create_token(Vault(server.vault), ["read:index"])
    right = {"issuer": made.issuer, "audience": made.audience}
    head, body, sign = made.token.split(".")
    other = sign[:50] + ("A" if sign[50] != "A" else "B") + sign[51:]
    for token in (f"{head}.{body}.{other}", f"{head}.{body}.", f"{head}.{body}"):
        assert "error" in jose("verify", token=token, jwks=key_set(server), **right)
        is_refused(ask(server, token))
    for wrong in ({"issuer": "x"}, {"audience": "x"}):
        found = jose("verify", token=made.token, jwks=key_set(server), **{**right, **wrong})
        assert found["error"] == "ERR_JWT_CLAIM_VALIDATION_FAILED"


def test_a_key_set_before_and_after_a_switch(server: Server, jose: Jose) -> None:
    """Who has the key set from before can verify at once what the next key signs."""
    old = create_token(Vault(server.vault), ["read:index"])
    before = key_set(server)
    rotate_token_key(Vault(server.vault))
    new = create_token(Vault(server.vault), ["read:index"])
    right = {"issuer": new.issuer, "audience": new.audience}
    assert "error" not in jose("verify", token=new.token, jwks=before, **right)
    assert "error" not in jose("verify", token=new.token, jwks=key_set(server), **right)
    found = jose("verify", token=old.token, jwks=key_set(server), **right)
    assert found["error"] == "ERR_JWKS_NO_MATCHING_KEY"


def test_its_thumbprints_are_ours(server: Server, jose: Jose) -> None:
    create_token(Vault(server.vault), ["read:index"])
    for key in key_set(server)["keys"]:
        assert jose("thumbprint", jwk=key)["kid"] == key["kid"]


def test_we_refuse_its_wrong_ones(server: Server, jose: Jose) -> None:
    """Each is kept as one that was made here, and each but the first has one thing wrong."""
    create_token(Vault(server.vault), ["read:index"])
    key, kid, issuer = signing_key(server.vault)
    pem = _pem(key)
    good, head = claims(issuer), {"alg": "PS256", "kid": kid, "typ": "at+jwt"}
    keep(server, good)
    now = int(time.time())

    def signed(changes: dict[str, Any], header: dict[str, Any], **more: Any) -> str:
        body = {name: value for name, value in {**good, **changes}.items() if value is not ...}
        head_now = {name: value for name, value in {**head, **header}.items() if value is not ...}
        token: str = jose("sign", claims=body, header=head_now, **more)["token"]
        return token

    assert ask(server, signed({}, {}, pem=pem)).status == 200

    is_refused(ask(server, signed({}, {})), "signature is wrong")  # another key, the same kid
    mine = jose("sign", claims=good, header=head)
    own_kid = jose("thumbprint", jwk=mine["jwk"])["kid"]
    embedded = {"jwk": mine["jwk"], "kid": own_kid}
    for wrong in ({"kid": own_kid}, embedded, {"jku": "http://127.0.0.1/", "kid": own_kid}):
        is_refused(ask(server, signed({}, wrong)))
    for alg in ("RS256", "RS384", "RS512", "PS384", "PS512"):
        is_refused(ask(server, signed({}, {"alg": alg}, pem=pem)), "not signed with PS256")
    for secret in (key.public_pem.decode(), key_set(server)["keys"][0]["n"], kid):
        for alg in ("HS256", "HS384", "HS512"):
            made = jose("hmac", claims=good, header={**head, "alg": alg}, secret=secret)
            is_refused(ask(server, made["token"]), "not signed with PS256")
    is_refused(ask(server, jose("unsecured", claims=good)["token"]))
    public = key_set(server)["keys"][0]
    for header in ({}, {"kid": kid, "typ": "at+jwt"}):
        secret_box = jose("encrypt", claims=good, jwk=public, header=header)
        is_refused(ask(server, secret_box["token"]), "not a token")

    headers: tuple[dict[str, Any], ...] = (
        *({"typ": ...}, {"typ": "JWT"}, {"typ": "jwt"}, {"typ": "application/at+jwt"}),
        *({"kid": ...}, {"kid": "../" + kid}, {"kid": ""}, {"x5u": "http://127.0.0.1/"}),
        *({"b64": True, "crit": ["b64"]}, {"cty": "JWT"}),
    )
    for other in headers:
        is_refused(ask(server, signed({}, other, pem=pem)))
    bodies: tuple[dict[str, Any], ...] = (
        *({name: ...} for name in good),
        *({"aud": "x"}, {"aud": [good["aud"]]}, {"iss": "x"}, {"scope": "admin"}, {"scope": ""}),
        *({"exp": now - 1}, {"exp": now + 10**9}, {"nbf": now + 90}, {"iat": now + 90}),
        *({"exp": str(now + 60)}, {"exp": now + 0.5}, {"jti": "0" * 32}, {"more": 1}),
    )
    for changes in bodies:
        is_refused(ask(server, signed(changes, {}, pem=pem)))
    assert ask(server, signed({}, {}, pem=pem)).status == 200


def _pem(key: Any) -> str:
    from gorillacomb.vaultmesh.keys.keys import private_pem

    text = private_pem(key.private).decode()
    assert text.startswith(PEM)
    return text
