"""The command line: what it prints and refuses, and with which exit code."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from gorillacomb.errors import UsageError
from gorillacomb.scrolls import spdx
from tests.scrolls.release import TREATY, Release
from tests.support.run import environment, refused, run


def create(
    release: Release, *more: str | Path, manifest: Path | None = None
) -> tuple[str | Path, ...]:
    return ("scroll", "create", "--manifest", manifest or release.manifest, *more)


def test_a_dry_run_signs_nothing(release: Release, own_home: Path) -> None:
    (own_home / ".config/gorillacomb/keys/rsa.pem").unlink()
    before = release.entries()
    words = create(release, "--license", "mit", *TREATY, "--valid-until", "2999-01-01", "--dry-run")
    assert release.run(*words).out == (
        "Would sign a treaty about app: MIT, 50000.00 USD, valid until 2999-01-01T23:59:59Z.\n"
    )
    found = release.run(*words, "--json").json()
    assert found["scroll_id"] is None and found["treaty_position"] is None
    assert found["statement"]["valid_until"] == "2999-01-01T23:59:59Z"
    assert release.entries() == before
    assert not (own_home / ".config/gorillacomb/keys/rsa.pem").exists()
    assert len(list((release.vault / "scrolls").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--license", "MIT", "--kind", "treaty"), "two decimals"),
        (("--license", "MIT", *TREATY[:2], "--funding", "49999.99", "--currency", "USD"), "below"),
        (
            ("--license", "MIT", *TREATY[:2], "--funding", "1e9", "--currency", "USD"),
            "two decimals",
        ),
        (("--license", "MIT", *TREATY[:4], "--currency", "XXX"), "ISO 4217"),
        (("--license", "MIT", "--kind", "seal", *TREATY[2:]), "a seal has no funding"),
        (("--license", "MIT AND", *TREATY), "'MIT AND'"),
        (("--license", "MTI", *TREATY), "'MTI'"),
        (("--license", "MIT", *TREATY, "--valid-until", "2020-01-01"), "its end is past"),
        (("--license", "MIT", *TREATY, "--valid-until", "soon"), "neither a date"),
        (("--license", "MIT", *TREATY, "--license-text", "x"), "NAME=FILE"),
        (("--license", "MIT", *TREATY, "--license-text", "LicenseRef-A=/none"), "/none"),
        (("--license", "MIT", *TREATY, "--license-text", "LicenseRef-A=/dev/null"), "not the text"),
        (
            ("--license", "MIT", *TREATY, "--license-text", f"LicenseRef-A={__file__}"),
            "LicenseRef-A",
        ),
        (("--license", "MIT", *TREATY, "--license-text", f"MIT={__file__}"), "'MIT'"),
    ],
)
def test_what_is_refused(release: Release, words: tuple[str, ...], said: str) -> None:
    before = release.entries()
    refused(run(*create(release, *words), vault=release.vault), 2, said)
    assert release.entries() == before


def test_manifests_that_are_refused(release: Release, tmp_path: Path) -> None:
    words = ("--license", "MIT", *TREATY)
    for content, said in (
        (b"{}", "refused"),
        (b"", "empty"),
        (release.envelope().read_bytes(), "DSSE"),
    ):
        (tmp_path / "m").write_bytes(content)
        ran = run(*create(release, *words, manifest=tmp_path / "m"), vault=release.vault)
        refused(ran, 2, said)
    ran = run(*create(release, *words, manifest=tmp_path / "none"), vault=release.vault)
    refused(ran, 2, "none")
    ran = run(*create(release, *words), vault=tmp_path / "vault")
    refused(ran, 4, "no vault")


def test_a_scroll_is_named_by_the_beginning_of_its_id(release: Release, tmp_path: Path) -> None:
    scroll = release.made[0]
    ran = release.run("scroll", "show", scroll[:8], "--proof", tmp_path / "proof")
    assert ran.out.startswith(scroll) and "May be released." in ran.out
    for wrong in ("0" * 64, "../x", "", scroll.upper(), f"{scroll}0"):
        refused(run("scroll", "show", "--", wrong, vault=release.vault), 2, "There is no scroll")
    again = run("scroll", "show", scroll, "--proof", tmp_path / "proof", vault=release.vault)
    assert again.code == 5 and "there already" in again.err
    assert "Name another one with --proof." in again.err
    for short in (scroll[:7], scroll[:4], scroll[0]):
        ran = run("scroll", "show", short, vault=release.vault)
        refused(ran, 2, "too short: 8 digits at least")
    release.run("trace", "verify", "--proof", tmp_path / "proof")


def test_what_is_printed(release: Release) -> None:
    made = release.run(*create(release, "--license", "LicenseRef-Ours", "--kind", "seal"))
    assert "Signed a seal about app: LicenseRef-Ours." in made.out
    assert "The text of LicenseRef-Ours is not signed" in made.err
    new = made.out.split()[-1]
    lines = release.run("scroll", "list").out.splitlines()
    assert lines[0].startswith(f"{new[:16]}  seal    LicenseRef-Ours  may not be released: ")
    assert lines[1].endswith("Apache-2.0  may be released")
    shown = release.run("scroll", "show", new, code=1).out
    assert "May not be released:" in shown and "  license-not-known: " in shown
    verified = release.run("scroll", "verify", release.envelope(new)).out
    assert verified.endswith("Valid.\n")
    log = release.run("trace", "log", "-n", "1").out
    assert log.rstrip().endswith(f"scroll     {new}")


def test_the_folder_that_was_compared_is_named(release: Release, tmp_path: Path) -> None:
    check = release.show()["manifest_check"]
    assert check["root"] == str(release.app) and check["problem"] is None
    line = f"its manifest was last compared with {release.app}, "
    assert line in release.run("scroll", "show", release.made[0]).out
    (tmp_path / "other").mkdir()
    release.run("verify", release.manifest, "--root", tmp_path / "other", code=1)
    assert f"compared with {tmp_path / 'other'}, " in (
        release.run("scroll", "show", release.made[0], code=1).out
    )
    assert release.show()["manifest_check"]["problem"]


def test_who_has_a_copy_can_be_shown_that_it_was_revoked(release: Release, tmp_path: Path) -> None:
    scroll, proof, keys = release.made[0], tmp_path / "revoked", tmp_path / "keys.pem"
    words = ("scroll", "show", scroll, "--revocation-proof", proof)
    refused(run(*words, vault=release.vault), 2, "was not revoked")
    seq = release.run("scroll", "revoke", scroll, "--json").json()["seq"]
    assert run(*words, vault=release.vault).code == 1
    keys.write_bytes(release.run("keys", "show", "--scrolls").stdout)
    away = environment() | {"HOME": str(tmp_path / "recipient")}
    check = ("trace", "verify", "--proof", proof)
    ran = run(*check, "--key", keys, env=away)
    assert ran.code == 0 and f"entry {seq} of " in ran.out, ran
    assert "scroll-revoked" in ran.out and scroll in ran.out
    ran = run(*check, env=away)
    refused(ran, 2, "none of the keys")
    assert "--key FILE" in ran.err
    again = run(*words, vault=release.vault)
    refused(again, 5, "there already")
    assert "--revocation-proof" in again.err


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "license_expression", None)
    for cached in (spdx._licensing, spdx._known):
        cached.cache_clear()
    try:
        with pytest.raises(UsageError, match="not installed") as error:
            spdx.normalized_expression("MIT")
        assert "gorillacomb[mesh]" in error.value.hint
        assert "not installed" in (spdx.license_problem("MIT", ()) or ""), "a reason, for the gate"
    finally:
        monkeypatch.undo()
        for cached in (spdx._licensing, spdx._known):
            cached.cache_clear()


def test_keys_that_are_encrypted(release: Release, own_home: Path) -> None:
    """Without the passphrase nobody here can say whose signatures they are."""
    shutil.rmtree(own_home / ".config/gorillacomb/keys")
    shutil.rmtree(release.vault)
    secret = environment(release.vault, GORILLACOMB_PASSPHRASE="correct horse")
    for words in (("scan", release.app), create(release, "--license", "MIT", *TREATY)):
        assert run(*words, env=secret).code == 0
    [file] = (release.vault / "scrolls").iterdir()
    assert run("scroll", "verify", file, env=secret).code == 0
    ran = run("scroll", "verify", file, "--json", vault=release.vault)
    assert ran.code == 1
    details = [each["detail"] for each in ran.json()["reasons"]]
    assert all("is encrypted" in each for each in details) and len(details) == 2
    assert "correct horse" not in ran.out + ran.err
