"""Names of files that contain secrets: keys, passwords, tokens."""

from __future__ import annotations

_NAMES = frozenset(
    b".env .envrc .netrc .npmrc .pypirc .pgpass .htpasswd .git-credentials credentials id_rsa"
    b" id_dsa id_ecdsa id_ed25519 secrets.yml secrets.yaml secrets.json secrets.toml".split()
)
_BEGINNINGS = (b".env.",)
_ENDINGS = (
    *(b".pem", b".key", b".p12", b".pfx", b".p8", b".jks", b".keystore", b".kdbx", b".ppk"),
    *(b".asc", b".gpg", b".keychain", b".keychain-db", b".ovpn"),
)


def is_secret(name: bytes) -> bool:
    """Return whether a file of this name is likely to contain a secret, ignoring case."""
    lower = name.lower()
    return lower in _NAMES or lower.startswith(_BEGINNINGS) or lower.endswith(_ENDINGS)
