"""The gate by itself: it opens with everything in order alone, whatever else is found."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.scrolls.envelope import SignatureFound
from gorillacomb.scrolls.gate import (
    Evidence,
    ManifestCheckFound,
    SyncFound,
    TraceCheckFound,
    find_reasons,
)
from gorillacomb.scrolls.model import GateReason, Revocation
from gorillacomb.scrolls.moments import seconds_of
from gorillacomb.scrolls.records import KeyLife
from tests.scrolls.samples import changed

UNTIL = "2027-01-31T12:00:00Z"
SECOND = 10**9
END = seconds_of(UNTIL) * SECOND
AGE = 24 * 3600 * SECOND
SEQ = 10
NOW = st.sampled_from([END - AGE, END - SECOND, END, END + SECOND - 1, END + SECOND, END + AGE])
KINDS: tuple[Any, Any] = ("ed25519", "rsa")
STEPS = st.none() | st.integers(0, 20)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    now = draw(NOW)
    ages = st.sampled_from([-1, 0, 1, AGE - 1, AGE, AGE + 1])
    states = st.sampled_from(["valid", "valid", "valid", "invalid", "missing", "unknown-key"])
    signatures = []
    for kind in KINDS:
        state: Any = draw(states)
        signatures.append(SignatureFound(kind, state, "it", kind if state == "valid" else None))
    lives = [
        KeyLife(kind, kind, b"", draw(st.integers(0, 12)), draw(STEPS), draw(STEPS))
        for kind in KINDS
        if draw(st.integers(0, 9))
    ]
    problems = st.sampled_from([None, None, None, "something"])
    revocation = draw(
        st.sampled_from(
            [
                Revocation("active", 20, now),
                Revocation("revoked", 20, now, 15),
                Revocation("unknown", 20, now),
            ]
        )
    )
    return Evidence(
        changed(valid_until=draw(st.sampled_from([None, UNTIL]))),
        SEQ,
        signatures,
        lives,
        revocation,
        SyncFound(draw(st.booleans()), "it", now),
        draw(problems),
        draw(st.none() | st.builds(ManifestCheckFound, ages.map(lambda age: now - age), problems)),
        draw(
            st.none()
            | st.builds(
                TraceCheckFound,
                ages.map(lambda age: now - age),
                st.integers(SEQ - 2, SEQ + 3),
                problems,
            )
        ),
        now,
        AGE,
    )


def is_fresh(as_of: int, now: int) -> bool:
    return 0 <= now - as_of <= AGE


def expected(found: Evidence) -> set[GateReason]:
    """The rules once more, as the documentation has them."""
    reasons = set()
    lives = {life.key_id: life for life in found.keys}
    for each in found.signatures:
        life = lives.get(each.kind)
        if each.state != "valid":
            reasons.add(GateReason.SIGNATURE)
        elif life is not None and life.compromised is not None:
            reasons.add(GateReason.COMPROMISED)
        elif life is None or life.since > SEQ or life.retired in range(SEQ + 1):
            reasons.add(GateReason.KEY)
    if found.statement.valid_until is not None and found.now_ns >= END + SECOND:
        reasons.add(GateReason.EXPIRED)
    state = {"revoked": GateReason.REVOKED, "unknown": GateReason.UNKNOWN}
    reasons |= {state[found.revocation.state]} if found.revocation.state in state else set()
    reasons |= set() if found.sync.is_synced else {GateReason.SYNC}
    reasons |= {GateReason.LICENSE} if found.license_problem else set()
    if found.manifest is None or found.manifest.problem:
        reasons.add(GateReason.MANIFEST)
    elif not is_fresh(found.manifest.as_of_ns, found.now_ns):
        reasons.add(GateReason.STALE)
    if found.trace is None or found.trace.problem:
        reasons.add(GateReason.TRACE)
    elif found.trace.entries <= SEQ or not is_fresh(found.trace.as_of_ns, found.now_ns):
        reasons.add(GateReason.STALE)
    return reasons


@given(evidences())
def test_each_reason_is_given_always_and_only_where_it_holds(found: Evidence) -> None:
    reasons = find_reasons(found)
    assert {each.reason for each in reasons} == expected(found)
    assert all(each.detail for each in reasons)


def sound(**changes: Any) -> Evidence:
    usual: dict[str, Any] = {
        "statement": changed(valid_until=UNTIL),
        "seq": SEQ,
        "signatures": [SignatureFound(kind, "valid", "it", kind) for kind in KINDS],
        "keys": [KeyLife(kind, kind, b"", 0) for kind in KINDS],
        "revocation": Revocation("active", 20, END),
        "sync": SyncFound(True, "it", END),
        "license_problem": None,
        "manifest": ManifestCheckFound(END, None),
        "trace": TraceCheckFound(END, SEQ + 1, None),
        "now_ns": END,
    }
    return Evidence(**{**usual, **changes})


def test_with_everything_in_order_it_opens() -> None:
    assert find_reasons(sound()) == ()


def test_to_the_second_and_to_the_nanosecond() -> None:
    assert find_reasons(sound(now_ns=END + SECOND - 1)) == ()
    [expired] = find_reasons(sound(now_ns=END + SECOND))
    assert expired.reason is GateReason.EXPIRED
    late = sound(statement=changed(valid_until=None), now_ns=END + AGE)
    assert find_reasons(late) == ()
    later = sound(statement=changed(valid_until=None), now_ns=END + AGE + 1)
    assert [each.reason for each in find_reasons(later)] == [GateReason.STALE] * 2


def test_at_the_entry_where_a_key_is_retired() -> None:
    """The scroll's own entry is the last one that may come before."""
    for retired, reasons in ((SEQ + 1, []), (SEQ, [GateReason.KEY]), (SEQ - 1, [GateReason.KEY])):
        keys = [KeyLife("ed25519", "ed25519", b"", 0), KeyLife("rsa", "rsa", b"", 0, retired)]
        assert [each.reason for each in find_reasons(sound(keys=keys))] == reasons
    for since, reasons in ((SEQ, []), (SEQ + 1, [GateReason.KEY])):
        keys = [KeyLife("ed25519", "ed25519", b"", since), KeyLife("rsa", "rsa", b"", 0)]
        assert [each.reason for each in find_reasons(sound(keys=keys))] == reasons
