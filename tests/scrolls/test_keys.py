"""Keys change and are lost: old scrolls stay checkable, and each case has its own answer."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.scrolls.release import TREATY, Release
from tests.support.run import refused, run


def keys_of(release: Release, scroll: str) -> dict[str, str]:
    return {each["kind"]: each["key"] for each in release.show(scroll)["signatures"]}


def answer(release: Release, scroll: str, code: int) -> list[str]:
    found = release.verify(scroll=scroll, code=code)
    assert found["ok"] == (code == 0)
    return [each["reason"] for each in found["reasons"]]


def test_after_both_were_rotated_old_and_new_scrolls_may_go_out(release: Release) -> None:
    old = release.made[0]
    before = keys_of(release, old)
    release.run("keys", "rotate")
    made = release.run("keys", "rotate", "--rsa", "--bits", "3072", "--json").json()
    new = release.create()
    release.check()
    release.cosign("A", "B")
    for scroll in (old, new):
        assert release.reasons(scroll) == []
        assert answer(release, scroll, 0) == []
    after = keys_of(release, new)
    assert after["rsa"] == made["fingerprint"]
    assert set(before.values()).isdisjoint(after.values())
    assert len(release.show(new)["scroll_signature"]) == 512, "3072 bits in base64"
    steps = [(e["step"], e["key_id"]) for e in release.entries() if e["event"] == "key"]
    assert steps == [
        ("active", before["rsa"]),
        ("retired", before["rsa"]),
        ("active", after["rsa"]),
    ]


def test_a_retired_key_signs_no_more_and_what_it_signed_stays_valid(release: Release) -> None:
    old = release.made[0]
    name = keys_of(release, old)["rsa"]
    step = release.run("keys", "retire", name, "--json").json()
    assert (step["kind"], step["step"]) == ("rsa", "retired")
    ran = run(
        *("scroll", "create", "--manifest", release.manifest, "--license", "MIT", *TREATY),
        vault=release.vault,
    )
    refused(ran, 5, name, "retired")
    assert "keys rotate --rsa" in ran.err
    assert answer(release, old, 0) == [] and release.reasons(old) == []
    ran = run("keys", "retire", name, vault=release.vault)
    refused(ran, 2, name, f"entry {step['seq']}")
    release.run("keys", "rotate", "--rsa")
    release.create()


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_compromised_key_voids_all_that_it_signed(release: Release, kind: str) -> None:
    old = release.made[0]
    name = keys_of(release, old)[kind]
    ran = release.run("keys", "compromise", name)
    rotate = ("keys", "rotate", *(("--rsa",) if kind == "rsa" else ()))
    assert " ".join(("gorillacomb", *rotate)) in ran.out
    assert answer(release, old, 1) == ["key-compromised"]
    [cause] = [each["detail"] for each in release.verify(scroll=old, code=1)["reasons"]]
    assert name in cause
    # Its signatures can still be checked: they are what they were.
    states = [each["state"] for each in release.verify(scroll=old, code=1)["signatures"]]
    assert states == ["valid", "valid"]
    words = ("scroll", "create", "--manifest", release.manifest, "--license", "MIT", *TREATY)
    refused(run(*words, vault=release.vault), 5, name, "compromised")
    release.run(*rotate)
    new = release.create()
    release.check()
    release.cosign("A", "B")
    assert release.reasons(new) == [] and release.reasons(old) == ["key-compromised"]
    refused(run("keys", "compromise", name, vault=release.vault), 2, "already")


def test_a_key_that_was_replaced_needs_no_other_one(release: Release) -> None:
    name = keys_of(release, release.made[0])["rsa"]
    release.run("keys", "rotate", "--rsa")
    ran = release.run("keys", "compromise", name)
    assert f"{name} is compromised" in ran.out and "keys rotate" not in ran.out


def test_the_size_of_a_key_that_has_one_size_is_refused(release: Release) -> None:
    """Otherwise the key of the trace is switched, although the RSA key was meant."""
    before = release.run("keys", "show").out
    for words in (("init",), ("rotate",)):
        refused(run("keys", *words, "--bits", "3072", vault=release.vault), 2, "--bits", "RSA")
    assert release.run("keys", "show").out == before


def test_steps_that_are_refused(release: Release, own_home: Path) -> None:
    ed25519 = keys_of(release, release.made[0])["ed25519"]
    refused(run("keys", "retire", ed25519, vault=release.vault), 5, "signs the trace")
    for words in (("retire", "0" * 16), ("compromise", "x"), ("retire", "")):
        ran = run("keys", *words, vault=release.vault)
        refused(ran, 2, "no key")
        assert ed25519 in ran.err
    refused(run("keys", "retire", ed25519, vault=own_home / "none"), 4, "there is no vault")
    refused(run("keys", "init", "--rsa", vault=release.vault), 2, "already")


def test_revoked_expired_and_unrecorded_have_answers_of_their_own(release: Release) -> None:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    short = release.create("--kind", "seal", "--valid-until", until)
    release.run("scroll", "revoke", release.made[0][:12])
    while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) <= until:
        time.sleep(0.05)
    assert answer(release, release.made[0], 1) == ["revoked"]
    assert answer(release, short, 1) == ["expired"]


def test_a_scroll_that_was_signed_again_is_another_envelope(release: Release) -> None:
    """The same payload with the same keys: RSA signatures are random, and the trace names one."""
    from gorillacomb.manifest.envelope import sign_payload
    from gorillacomb.scrolls.envelope import parse_envelope
    from gorillacomb.vaultmesh.open import key_store

    found = parse_envelope(release.envelope().read_bytes())
    store = key_store()
    rsa = store.current("rsa")
    again = sign_payload(found.payload, [store.ed25519(), rsa])  # type: ignore[list-item]
    file = release.top / "again.dsse"
    file.write_bytes(again)
    ran = run("scroll", "verify", file, "--json", vault=release.vault)
    assert ran.code == 1
    [reason] = ran.json()["reasons"]
    assert reason["reason"] == "trace-not-sound" and "signed again" in reason["detail"]
    release.envelope().write_bytes(again)
    refused(run("scroll", "show", release.made[0], vault=release.vault), 4, "is damaged")
    found_list = release.run("scroll", "list", "--json").json()
    assert found_list["items"] == [] and found_list["damaged"][0]["scroll_id"] == release.made[0]


def test_old_scrolls_stay_checkable_after_an_adopt(release: Release) -> None:
    old = release.made[0]
    before = release.show(old)
    release.run("trace", "adopt", "--force")
    after = release.show(old)
    same = ("scroll_id", "treaty_position", "treaty_log", "scroll_signature", "statement")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert answer(release, old, 0) == []
    assert after["reasons"] == [], "for as long as the last check of its trace counts"
    release.run("scroll", "revoke", old)
    assert answer(release, old, 1) == ["revoked"], "in the new trace"
    new = release.create()
    release.check()
    release.cosign("A", "B")
    assert release.reasons(new) == []
    assert release.reasons(old) == ["revoked", "not-synced"], "a policy names one log's keys"
    listed = [each["scroll_id"] for each in release.run("scroll", "list", "--json").json()["items"]]
    assert listed == [new, old]


def test_outsiders_verify_with_the_public_keys(release: Release, tmp_path: Path) -> None:
    """Without vault and keys, from the three files that they were sent."""
    public, nowhere = tmp_path / "keys.pem", tmp_path / "nowhere"
    public.write_bytes(release.run("keys", "show", "--scrolls").stdout)
    scroll = shutil.copy(release.envelope(), tmp_path / "app.dsse")
    words = ("scroll", "verify", scroll, "--json", "--vault", nowhere)
    found = run(*words, "--key", public).json()
    assert found["ok"] and found["treaty_position"] is None and found["revocation"] is None
    both = public.read_text().split("-----END PUBLIC KEY-----\n")
    for number, missing in ((0, "rsa"), (1, "ed25519")):
        (tmp_path / "one.pem").write_text(both[number] + "-----END PUBLIC KEY-----\n")
        ran = run(*words, "--key", tmp_path / "one.pem")
        assert ran.code == 1
        states = {each["kind"]: each["state"] for each in ran.json()["signatures"]}
        assert states == {"ed25519": "valid", "rsa": "valid", missing: "unknown-key"}
    ran = run(
        "scroll",
        "verify",
        "-",
        "--vault",
        nowhere,
        "--key",
        public,
        stdin=Path(scroll).read_bytes(),
    )
    assert ran.code == 0 and "Valid." in ran.out
    assert json.loads(Path(scroll).read_text())["payloadType"] == "application/vnd.in-toto+json"
