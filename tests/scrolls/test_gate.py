"""A scroll may be released with all that it takes, and each reason alone forbids it."""

from __future__ import annotations

import ast
import json
import shutil
import time
from pathlib import Path
from typing import Optional

import pytest
from pydantic import BaseModel, Field

from gorillacomb.mesh.fork import ForkEvidence
from gorillacomb.scrolls.model import GateReason
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.open import anchor_store, open_trace_for_reading
from tests.scrolls.release import TREATY, Release
from tests.support.run import run


class ScrollMetadata(BaseModel):
    """The seed's class: its names, its types, its bound."""

    scroll_id: str
    treaty_position: int
    claim_root_license: str
    funding_amount: float = Field(ge=50000)
    scroll_signature: Optional[str] = None  # noqa: UP045
    vault_mesh_sync: bool
    planetary_motion_authorized: bool


def only(release: Release, reason: GateReason, *more: str, scroll: str | None = None) -> str:
    """Check that this is the only reason, and return what is said of it."""
    found = release.show(scroll, *more)["reasons"]
    assert [each["reason"] for each in found] == [reason.value], found
    return str(found[0]["detail"])


def test_with_all_that_it_takes_it_may_go_out(release: Release) -> None:
    found = release.show()
    assert found["reasons"] == []
    assert found["planetary_motion_authorized"] is True and found["vault_mesh_sync"] is True
    assert found["revocation"]["state"] == "active"
    assert [each["state"] for each in found["signatures"]] == ["valid", "valid"]


def test_the_seeds_own_class_parses_it(release: Release) -> None:
    text = release.run("scroll", "show", release.made[0], "--json").out
    parsed = ScrollMetadata.model_validate_json(text, strict=True)
    assert parsed.funding_amount == 50000.0 and parsed.claim_root_license == "Apache-2.0"
    assert parsed.scroll_id == release.made[0] and parsed.planetary_motion_authorized
    [entry] = [each for each in release.entries() if each["event"] == "scroll"]
    assert parsed.treaty_position == entry["seq"]
    [listed] = release.run("scroll", "list", "--json").json()["items"]
    assert ScrollMetadata.model_validate(listed, strict=True) == parsed


def test_a_seal_is_another_class(release: Release) -> None:
    seal = release.create("--kind", "seal")
    release.check()
    release.cosign("A", "B")
    found = release.show(seal)
    assert found["reasons"] == [] and "funding_amount" not in found
    assert found["statement"]["kind"] == "seal" and found["statement"]["funding"] is None


def test_the_folder_differs(release: Release) -> None:
    (release.app / "src/index.js").write_text("other();")
    release.run("verify", release.manifest, "--root", release.app, code=1)
    assert "1 changed" in only(release, GateReason.MANIFEST)


def test_the_folder_was_never_compared(release: Release, own_home: Path) -> None:
    for file in own_home.rglob("checks/*/manifest-*.json"):
        file.unlink()
    assert "No folder was compared" in only(release, GateReason.MANIFEST)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_signature_whose_key_is_not_pinned(release: Release, own_home: Path, kind: str) -> None:
    """The private half is gone from the folder of keys: nobody here vouches for it."""
    if kind == "ed25519":
        release.run("keys", "rotate")
        release.check()
        release.cosign("A", "B")
        [old] = own_home.rglob("keys/ed25519-*.pem")
        old.unlink()
        run("trace", "verify", vault=release.vault)  # says so too
        reasons = release.reasons()
        assert "signature-not-valid" in reasons
        return
    (own_home / ".config/gorillacomb/keys/rsa.pem").unlink()
    assert "RSA signature is by a key that is not pinned" in only(release, GateReason.SIGNATURE)


def test_a_key_that_was_retired_before(release: Release, own_home: Path) -> None:
    """Somebody who kept the retired key puts it back, and a program that does not look signs."""
    from gorillacomb.api.scrolls import create as use

    keys = own_home / ".config/gorillacomb/keys"
    old = (keys / "rsa.pem").read_bytes()
    release.run("keys", "rotate", "--rsa")
    (keys / "rsa.pem").write_bytes(old)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(use, "_refuse_unusable", lambda *_: None)
        asked = use.asked_scroll("seal", "MIT")
        made = use.create_scroll(asked, release.manifest, vault=release.vault)
    release.check()
    release.cosign("A", "B")
    assert made.scroll_id is not None
    assert "until entry" in only(release, GateReason.KEY, scroll=made.scroll_id)


def key_of(release: Release, kind: str) -> str:
    [found] = [each["key"] for each in release.show()["signatures"] if each["kind"] == kind]
    return str(found)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_compromised_key(release: Release, kind: str) -> None:
    release.run("keys", "compromise", key_of(release, kind))
    assert "compromised" in only(release, GateReason.COMPROMISED)


def test_too_few_witnesses(release: Release) -> None:
    shutil.rmtree(release.vault / "mesh/cosigned")
    release.cosign("A")
    assert "1 witness cosigned it" in only(release, GateReason.SYNC)
    assert release.show()["vault_mesh_sync"] is False


def test_no_witness_is_no_quorum_whatever_the_policy_says(release: Release) -> None:
    release.cosign(quorum="quorum none\n")
    shutil.rmtree(release.vault / "mesh/cosigned")
    assert "No witness has cosigned" in only(release, GateReason.SYNC)
    release.cosign(quorum="quorum none\n")
    assert "No witness of the policy" in only(release, GateReason.SYNC)
    release.cosign("A", quorum="quorum none\n")
    assert release.reasons() == [], "one that the policy does not ask for is still one"


def test_a_cosigned_checkpoint_that_is_older_than_the_scroll(release: Release) -> None:
    second = release.create()
    release.run("trace", "verify")
    assert "older than the scroll" in only(release, GateReason.SYNC, scroll=second)


def test_no_policy(release: Release) -> None:
    (release.vault / "mesh/policy").unlink()
    assert "No policy" in only(release, GateReason.SYNC)


def test_a_damaged_policy_or_checkpoint(release: Release) -> None:
    policy = release.vault / "mesh/policy"
    before = policy.read_bytes()
    policy.write_bytes(b"quorum nobody\n")
    assert "damaged" in only(release, GateReason.SYNC)
    policy.write_bytes(before.replace(b"log gorillacomb", b"# log gorillacomb"))
    assert "does not name" in only(release, GateReason.SYNC)


def test_an_unknown_license(release: Release) -> None:
    scroll = release.create(*TREATY, license="MIT OR LicenseRef-Ours")
    release.check()
    release.cosign("A", "B")
    assert "LicenseRef-Ours" in only(release, GateReason.LICENSE, scroll=scroll)


def test_a_license_of_ones_own_with_its_text(release: Release) -> None:
    text = release.top / "LICENSE"
    text.write_text("Do as you like.\n")
    words = ("--license-text", f"LicenseRef-Ours={text}")
    scroll = release.create(*TREATY, *words, license="MIT OR LicenseRef-Ours")
    release.check()
    release.cosign("A", "B")
    found = release.show(scroll)
    assert found["reasons"] == []
    assert len(found["statement"]["license_texts"]["LicenseRef-Ours"]) == 64


def test_it_has_expired(release: Release) -> None:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    scroll = release.create(*TREATY, "--valid-until", until)
    release.check()
    release.cosign("A", "B")
    seconds = release.show(scroll)["statement"]["valid_until"]
    assert seconds == until
    while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) <= until:
        time.sleep(0.05)
    assert until in only(release, GateReason.EXPIRED, scroll=scroll)


def test_it_was_revoked(release: Release) -> None:
    seq = release.run("scroll", "revoke", release.made[0], "--json").json()["seq"]
    assert f"Entry {seq:,}" in only(release, GateReason.REVOKED)
    revocation = release.show()["revocation"]
    assert revocation["state"] == "revoked" and revocation["seq"] == seq
    again = release.run("scroll", "revoke", release.made[0], "--json").json()["seq"]
    assert again == seq, "no second entry"


def test_entries_that_were_signed_are_missing(release: Release, tmp_path: Path) -> None:
    """A trace that was put back may lack the revocation."""
    shutil.copy(release.vault / "trace.db", tmp_path / "trace.db")
    release.run("scroll", "revoke", release.made[0])
    for end in ("", "-wal", "-shm"):
        (release.vault / f"trace.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "trace.db", release.vault / "trace.db")
    assert only(release, GateReason.UNKNOWN)
    assert release.show()["revocation"]["state"] == "unknown"


def test_the_trace_is_not_sound(release: Release, tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(release.vault / "trace.db") as connection:
        entry = connection.execute("SELECT entry FROM entries WHERE seq = 2").fetchone()[0]
        changed = entry.replace(b'"copies":1', b'"copies":2')
        assert changed != entry
        connection.execute("UPDATE entries SET entry = ? WHERE seq = 2", (changed,))
    connection.close()
    release.run("trace", "verify", code=1)
    assert "trace-not-sound" in release.reasons()


def test_the_last_check_of_the_trace_found_something(release: Release, own_home: Path) -> None:
    [file] = own_home.rglob("checks/*/trace.json")
    found = json.loads(file.read_text())
    file.write_text(json.dumps({**found, "problem": "entry 3 is not as it was signed"}))
    assert "entry 3" in only(release, GateReason.TRACE)
    file.write_text(json.dumps({**found, "root": "0" * 64}))
    assert "not the one that was checked" in only(release, GateReason.TRACE)
    for damaged in ("", "[]", "{}", '{"as_of_ns": "soon"}', json.dumps({**found, "as_of_ns": 1.5})):
        file.write_text(damaged)
        assert "not checked" in only(release, GateReason.TRACE)
    file.unlink()
    assert "not checked" in only(release, GateReason.TRACE)


DAY = 24 * 3600


@pytest.mark.parametrize("name", ["trace", "manifest-"])
def test_checks_that_are_too_old(release: Release, name: str) -> None:
    release.age_checks(DAY - 120, name)
    assert release.reasons() == []
    release.age_checks(121, name)
    assert "too long ago" in only(release, GateReason.STALE)
    assert release.reasons(None, "--max-age", "25h") == []
    release.age_checks(-3 * DAY, name)
    assert only(release, GateReason.STALE), "from the future"


def test_a_scroll_that_is_newer_than_the_last_check_of_the_trace(release: Release) -> None:
    scroll = release.create()
    release.cosign("A", "B")
    assert "before it had this scroll" in only(release, GateReason.STALE, scroll=scroll)
    release.run("vault", "check")
    assert release.reasons(scroll) == [], "that checks the trace too"


def test_each_reason_is_seen_alone() -> None:
    """By a call of `only` in a test of this module."""
    tree = ast.parse(Path(__file__).read_text())
    seen = {
        call.args[1].attr
        for test in tree.body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")
        for call in ast.walk(test)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "only"
        and isinstance(call.args[1], ast.Attribute)
    }
    assert seen == {reason.name for reason in GateReason}


def test_a_trace_that_forked_since(release: Release) -> None:
    """A witness has shown another trace of that name since the last checks, which are as before."""
    assert release.reasons() == []
    with open_trace_for_reading(Vault(release.vault)) as ledger:
        note = ledger.checkpoint()
        other = Checkpoint(ledger.origin, ledger.size, bytes(32)).signed([ledger.signing_key()])
        evidence = ForkEvidence(ledger.origin, note, other, "A", "two roots", 1)
    evidence.keep(anchor_store())
    assert "contradict each other" in only(release, GateReason.TRACE)
