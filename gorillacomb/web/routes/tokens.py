"""The public keys that verify tokens."""

from __future__ import annotations

from typing import Literal, TypedDict

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from gorillacomb.web.answers import PROBLEMS, SCHEMAS
from gorillacomb.web.schema import schema_of
from gorillacomb.web.site import GivenSite

router = APIRouter(tags=["tokens"])
JWKS_PATH = "/.well-known/jwks.json"
_MEDIA_TYPE = "application/jwk-set+json"


class JwkDocument(TypedDict):
    """An RSA public key as a JSON Web Key (RFC 7517)."""

    kty: Literal["RSA"]
    n: str
    """The modulus in base64url."""
    e: str
    """The exponent in base64url."""
    alg: Literal["PS256"]
    use: Literal["sig"]
    kid: str
    """Its thumbprint (RFC 7638)."""


class JwksDocument(TypedDict):
    """The key that signs tokens now, and the one that will after it."""

    keys: list[JwkDocument]


@router.get(
    JWKS_PATH,
    response_model=None,
    response_class=Response,
    responses={
        200: {
            "description": "Done.",
            "content": {_MEDIA_TYPE: {"schema": schema_of(JwksDocument, SCHEMAS)}},
        },
        **PROBLEMS,
    },
)
def keys(site: GivenSite) -> Response:
    """Return the public keys that verify tokens; they are for everyone."""
    return JSONResponse({"keys": site.tokens.published_keys()}, media_type=_MEDIA_TYPE)
