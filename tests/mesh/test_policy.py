"""Trust policies: what is read, who is a quorum (against brute force), and what is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.mesh.policy import parse_policy
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys.cosign import cosignature_line, cosigner_key
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey

ORIGIN = "example.com/log"


def key_of(seed: str) -> Ed25519SigningKey:
    return Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest()))


LOG = key_of("log")
LOG_KEY = VerifierKey(ORIGIN, LOG.public)
HEAD = Checkpoint(ORIGIN, 7, sha256(b"root").digest())
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
VKEYS = {name: str(cosigner_key(f"{name}.example", key_of(name))) for name in NAMES}
WITNESSES = "".join(f"witness {name} {VKEYS[name]}\n" for name in NAMES)
TWO_LEVELS = f"""# Comments and empty lines are nothing.

log {LOG_KEY} https://log.example/
{WITNESSES}
\tgroup X-witnesses 2 X1 X2\tX3
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def cosigned_by(names: list[str]) -> bytes:
    note = HEAD.signed([LOG])
    lines = [cosignature_line(note, f"{each}.example", key_of(each), 5) for each in names]
    return note + "".join(lines).encode()


@given(st.sets(st.sampled_from(NAMES)))
def test_the_example_of_the_specification(names: set[str]) -> None:
    verdict = parse_policy(TWO_LEVELS.encode()).judge(cosigned_by(sorted(names)))
    assert set(verdict.cosigned) == names
    x, y = len(names & {"X1", "X2", "X3"}), len(names & {"Y1", "Y2", "Y3"})
    assert verdict.is_enough == (x >= 2 and y >= 1)


def test_one_witness_or_none_may_be_the_quorum() -> None:
    one = parse_policy(f"log {LOG_KEY}\n{WITNESSES}quorum X2\n".encode())
    assert one.judge(cosigned_by(["X2"])).is_enough
    assert not one.judge(cosigned_by(["X1", "X3"])).is_enough
    assert parse_policy(f"log {LOG_KEY}\nquorum none\n".encode()).judge(cosigned_by([])).is_enough


def test_names_are_octets() -> None:
    data = b"witness \xe2\x84\xaa " + VKEYS["X1"].encode() + b"\nwitness K "
    data += VKEYS["X2"].encode() + b"\ngroup \xff any K\nquorum \xff\n"
    policy = parse_policy(data)
    assert policy.quorum == "\udcff"
    assert policy.is_quorum("K".__eq__)
    assert not policy.is_quorum("\udce2\udc84\udcaa".__eq__)


def test_a_key_counts_for_its_own_log_alone() -> None:
    other = VerifierKey("example.com/other", key_of("other").public)
    policy = parse_policy(f"log {LOG_KEY}\nlog {other}\nquorum none\n".encode())
    forged = Checkpoint(ORIGIN, 7, HEAD.root).signed([key_of("other")])
    with pytest.raises(UntrustedInput, match="signed by none"):
        policy.judge(forged)
    with pytest.raises(UntrustedInput, match="does not name"):
        policy.judge(Checkpoint("example.com/third", 7, HEAD.root).signed([LOG]))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no quorum"),
        ("quorum none\nquorum none\n", "line 2: a second quorum"),
        ("quorum X1\n", "not defined"),
        (f"group G any X1\n{WITNESSES}quorum G\n", "line 1: the member X1 is not defined"),
        (f"{WITNESSES}group G 0 X1\nquorum G\n", "0 is not a number"),
        (f"{WITNESSES}group G 2 X1\nquorum G\n", "2 is not a number"),
        (f"{WITNESSES}group G 01 X1\nquorum G\n", "01 is not a number"),
        (f"{WITNESSES}group G any\nquorum none\n", "not understood"),
        (f"{WITNESSES}group G any X1 X1\nquorum G\n", "member twice"),
        (f"{WITNESSES}group G any X1\ngroup H any X1\nquorum G\n", "member twice"),
        (f"{WITNESSES}group G any none\nquorum G\n", "none is not defined"),
        (f"{WITNESSES}group X1 any X2\nquorum X1\n", "X1 is taken"),
        (f"witness none {VKEYS['X1']}\nquorum none\n", "none is taken"),
        (f"witness a {VKEYS['X1']}\nwitness b {VKEYS['X1']}\nquorum none\n", "that key"),
        (f"log {LOG_KEY}\nlog {LOG_KEY}\nquorum none\n", "that key"),
        (f"log {VKEYS['X1']}\nquorum none\n", "not an Ed25519 verifier key"),
        (f"witness a {LOG_KEY}\nquorum none\n", "cosignature verifier key"),
        (f"log {LOG_KEY} url more\nquorum none\n", "not understood"),
        ("policy 2\nquorum none\n", "begins with policy"),
        ("quorum none\r\n", "control characters"),
        ("#" * (1 << 20) + "\nquorum none\n", "megabyte"),
    ],
)
def test_what_is_refused(text: str, word: str) -> None:
    with pytest.raises(UntrustedInput, match=word):
        parse_policy(text.encode())
