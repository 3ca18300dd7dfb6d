"""Scrolls over HTTP and as pages: signed by a job, shown with reasons, verified as they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.scrolls.release import Release, make_release
from tests.scrolls.test_gate import ScrollMetadata
from tests.support.memory import in_memory
from tests.support.run import run, until
from tests.support.server import Answer, Server, serving
from tests.web.test_pages import PAGE, outline

API = "/api/v1/scrolls"
FUNDING = {"amount": "50000.00", "currency": "USD"}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    with in_memory() as folder:
        yield make_release(tmp_path_factory.mktemp("release"), folder / "vault")


@pytest.fixture(scope="module")
def running(release: Release) -> Iterator[Server]:
    with serving(release.vault) as made:
        yield made


def asked(release: Release, **changes: Any) -> dict[str, Any]:
    usual = {
        "kind": "treaty",
        "manifest": {"path": str(release.manifest)},
        "claim_root_license": "Apache-2.0",
        "funding": FUNDING,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def signed(server: Server, release: Release, **changes: Any) -> str:
    """Let a job sign one; return its id."""
    job = server.done(server.post(API, asked(release, **changes)))
    assert job["exit_code"] == 0, job
    made: str = server.get(f"/api/v1/jobs/{job['id']}/result").json()["scroll_id"]
    release.made.append(made)
    return made


def test_a_job_signs_one_and_the_seeds_class_parses_the_answer(
    server: Server, release: Release
) -> None:
    scroll = signed(server, release)
    parsed = ScrollMetadata.model_validate_json(server.get(f"{API}/{scroll}").body, strict=True)
    assert parsed.scroll_id == scroll and not parsed.planetary_motion_authorized
    release.check()
    release.cosign("A", "B")
    found = server.get(f"{API}/{scroll}").json()
    assert found["reasons"] == []
    assert ScrollMetadata.model_validate(found, strict=True).planetary_motion_authorized
    shown = release.show(scroll)
    assert shown.keys() == found.keys() and shown["treaty_position"] == found["treaty_position"]
    [listed] = server.get(API).json()["items"]
    assert listed == found
    stale = server.get(f"{API}/{scroll}?max_age=0").json()
    assert [each["reason"] for each in stale["reasons"]] == ["stale", "stale"]


def test_a_get_reads_no_content(server: Server, release: Release) -> None:
    """What is known is of the last check: the folder may be gone by now."""
    scroll = signed(server, release)
    release.check()
    release.cosign("A", "B")
    assert server.get(f"{API}/{scroll}").json()["planetary_motion_authorized"]
    away = release.top / "away"
    release.app.rename(away)
    try:
        assert server.get(f"{API}/{scroll}").json()["planetary_motion_authorized"]
        run("verify", release.manifest, "--root", away / "src", vault=release.vault)
        found = server.get(f"{API}/{scroll}").json()
        assert [each["reason"] for each in found["reasons"]] == ["manifest-not-verified"]
        assert found["reasons"][0]["as_of_ns"] is not None
    finally:
        away.rename(release.app)
        release.check()


DERIVED = {
    "scroll_id": "0" * 64,
    "treaty_position": 5,
    "scroll_signature": "AAAA",
    "vault_mesh_sync": True,
    "planetary_motion_authorized": True,
    "revocation": {"state": "active"},
    "reasons": [],
    "signatures": [],
    "treaty_log": "gorillacomb/x",
    "statement": {},
    "nonce": "0" * 32,
    "created_ns": "1",
}


@pytest.mark.parametrize("name", DERIVED)
def test_derived_fields_cannot_be_set(server: Server, release: Release, name: str) -> None:
    answer = server.post(API, {**asked(release), name: DERIVED[name]})
    assert answer.status == 422
    assert [each["where"] for each in answer.json()["errors"]] == [f"body.{name}"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"funding": {"amount": "49999.99", "currency": "USD"}}, "below"),
        ({"funding": {"amount": "5e4", "currency": "USD"}}, "amount"),
        ({"funding": {"amount": 50000.0, "currency": "USD"}}, "amount"),
        ({"funding": {"amount": "50000.00", "currency": "XXX"}}, "currency"),
        ({"funding": {"amount": "50000.00", "currency": "USD", "more": 1}}, "more"),
        ({"funding": None}, "amount"),
        ({"funding_amount": 50000.0}, "funding_amount"),
        ({"kind": "seal"}, "seal"),
        ({"kind": "draft"}, "kind"),
        ({"claim_root_license": "MIT AND"}, "MIT AND"),
        ({"claim_root_license": "MTI"}, "MTI"),
        ({"claim_root_license": "--vault=/x"}, "claim_root_license"),
        ({"license_texts": {"LicenseRef-X": {"path": "/x"}}}, "LicenseRef-X"),
        ({"license_texts": {"MIT": {"path": "/x"}}}, "license_texts"),
        ({"valid_until": "2020-01-01"}, "past"),
        ({"valid_until": "2027-02-29"}, "no such date"),
        ({"manifest": {"path": "relative"}}, "manifest"),
        ({"manifest": None}, "manifest"),
    ],
)
def test_what_no_scroll_may_say(
    server: Server, release: Release, changes: dict[str, Any], word: str
) -> None:
    sent = {**asked(release), **changes}
    answer = server.post(API, {name: each for name, each in sent.items() if each is not None})
    assert answer.status == 422, answer.body
    assert word in answer.body.decode()


def test_envelope_and_proof_are_files_to_keep(
    server: Server, release: Release, tmp_path: Path
) -> None:
    scroll = signed(server, release, kind="seal", funding=None)
    release.check()
    release.cosign("A", "B")
    envelope, proof = (server.get(f"{API}/{scroll}/{it}") for it in ("envelope", "proof"))
    assert envelope.body == release.envelope(scroll).read_bytes()
    assert f"{scroll}.dsse" in envelope.headers["content-disposition"]
    assert proof.headers["content-type"].startswith("text/plain")
    release.run("scroll", "show", scroll, "--proof", tmp_path / "proof")
    assert (tmp_path / "proof").read_bytes() == proof.body
    assert b"A.example" in proof.body, "as it was cosigned"
    (tmp_path / "sent").write_bytes(proof.body)
    checked = release.run("trace", "verify", "--proof", tmp_path / "sent", "--json").json()
    assert checked["entry"]["scroll_id"] == scroll


def verified(server: Server, data: bytes) -> Answer:
    return server.post(f"{API}/verify", data, {"Content-Type": "application/json"})


def test_a_scroll_that_is_sent_is_verified_from_its_exact_bytes(
    server: Server, release: Release
) -> None:
    scroll = signed(server, release)
    data = release.envelope(scroll).read_bytes()
    found = verified(server, data).json()
    assert found["ok"] and found["scroll_id"] == scroll and found["reasons"] == []
    value = json.loads(data)
    value["signatures"].pop()
    stripped = verified(server, json.dumps(value, indent=1).encode() + b"\n").json()
    assert not stripped["ok"]
    assert "RSA signature is missing" in stripped["reasons"][0]["detail"]
    for bad in (b"", b"{}", b"[]", data[:-1], data.replace(b" ", b"", 1), b"x" * 200_000):
        answer = verified(server, bad)
        assert answer.status == 422 and "refused" in answer.detail, bad[:50]
    other = base64.b64encode(base64.b64decode(value["payload"]).replace(b"treaty", b"troika"))
    changed = data.replace(value["payload"].encode(), other)
    assert verified(server, changed).status == 422


def test_it_is_revoked_by_a_job(server: Server, release: Release) -> None:
    scroll = signed(server, release)
    assert server.done(server.post(f"{API}/{scroll}/revoke"))["exit_code"] == 0
    found = server.get(f"{API}/{scroll}").json()
    assert found["revocation"]["state"] == "revoked"
    assert "revoked" in [each["reason"] for each in found["reasons"]]
    assert server.post(f"{API}/{'0' * 64}/revoke").status == 404


def test_one_whose_envelope_is_lost_is_revoked_too(server: Server, release: Release) -> None:
    """Others may have a copy of it."""
    scroll = signed(server, release, claim_root_license="MIT")
    envelope = release.vault / "scrolls" / f"{scroll}.dsse"
    kept = envelope.read_bytes()
    envelope.unlink()
    try:
        assert server.done(server.post(f"{API}/{scroll}/revoke"))["exit_code"] == 0
        assert "1 scroll cannot be read." in server.get("/scrolls").body.decode()
    finally:
        envelope.write_bytes(kept)
    assert server.get(f"{API}/{scroll}").json()["revocation"]["state"] == "revoked"


def test_a_list_is_paged(server: Server, release: Release) -> None:
    for _ in range(2):
        signed(server, release)
    whole = [each["scroll_id"] for each in server.get(API).json()["items"]]
    paged: list[str] = []
    after = ""
    while True:
        page = server.get(f"{API}?limit=2{after}").json()
        paged += [each["scroll_id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert paged == whole and len(whole) >= 2
    assert server.get(f"{API}?after={'0' * 64}").status == 422
    for place in ("", "/envelope", "/proof"):
        assert server.get(f"{API}/{'0' * 64}{place}").status == 404
        assert server.get(f"{API}/ABC{place}").status == 422


def test_the_pages(server: Server, release: Release) -> None:
    scroll = signed(server, release)
    page = server.get("/scrolls", PAGE)
    assert page.status == 200 and scroll[:16] in outline(page).text
    assert "may not be released" in outline(page).text
    shown = server.get(f"/scrolls/{scroll}", PAGE)
    text = outline(shown).text
    assert "app may not be released." in text and "a check is too old" in text
    links = [it.get("href") for tag, it in outline(shown).elements if tag == "a"]
    assert f"{API}/{scroll}/envelope" in links and f"{API}/{scroll}/proof" in links
    release.check()
    release.cosign("A", "B")
    assert "app may be released." in outline(server.get(f"/scrolls/{scroll}", PAGE)).text
    assert server.get(f"/scrolls/{'0' * 64}", PAGE).status == 404
    twin = server.get(f"/scrolls/{scroll}.json")
    assert twin.status == 307 and twin.headers["location"] == f"{API}/{scroll}"


def form_of(server: Server, path: str) -> str:
    page = outline(server.get(path, PAGE))
    return next(
        str(it["value"]) for tag, it in page.elements if tag == "input" and it.get("name") == "form"
    )


def sent(server: Server, path: str, **fields: str) -> Answer:
    body = urlencode({"form": form_of(server, "/scrolls"), **fields}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **PAGE}
    return server.post(path, body, headers)


def test_the_form_signs_and_revokes(server: Server, release: Release) -> None:
    fields = {
        "manifest": str(release.manifest),
        "kind": "seal",
        "claim_root_license": "mit",
        "amount": "",
        "currency": "",
        "valid_until": "2999-01-01",
    }
    answer = sent(server, "/scrolls", **fields)
    assert answer.status == 303, answer.body
    place = answer.headers["location"]
    assert until(lambda: b"is signed." in server.get(place, PAGE).body, 60)
    [new, *_] = server.get(API).json()["items"]
    assert new["claim_root_license"] == "MIT" and new["statement"]["kind"] == "seal"
    answer = sent(server, f"/scrolls/{new['scroll_id']}/revoke")
    place = answer.headers["location"]
    assert until(lambda: b"is revoked." in server.get(place, PAGE).body, 60)
    treaty = {**fields, "kind": "treaty", "amount": "49999.99", "currency": "USD"}
    refused = sent(server, "/scrolls", **treaty)
    assert refused.status == 422 and b"below 50,000.00" in refused.body
    assert sent(server, "/scrolls", **{**fields, "amount": "50000.00"}).status == 422


def test_a_read_only_server_shows_and_verifies_but_signs_nothing(
    release: Release, tmp_path: Path
) -> None:
    release.create()
    release.run("vault", "backup", tmp_path / "vault")
    with serving(tmp_path / "vault", "--read-only") as server:
        scroll = server.get(API).json()["items"][0]["scroll_id"]
        assert verified(server, release.envelope(scroll).read_bytes()).status == 200
        assert server.post(API, asked(release)).status == 405
        assert server.post(f"{API}/{scroll}/revoke").status in (404, 405)
        page = outline(server.get("/scrolls", PAGE))
        assert not [tag for tag, _ in page.elements if tag == "form"]
