"""Scrolls can be verified by those who have none of our code, as the documentation says."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.docs.example import DOCS, imported_by
from tests.scrolls.release import Release
from tests.support.run import environment

PAGE = (DOCS / "scroll.md").read_text()
PART = PAGE.partition("## Verify it without Gorilla Comb\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PART, re.MULTILINE | re.DOTALL)
SCRIPT = BLOCKS[0].partition("<<'END'\n")[2].partition("END\n")[0]


@pytest.fixture
def sent(release: Release, tmp_path: Path) -> Path:
    """What others are sent: the envelope, the manifest, and by another way the public keys."""
    folder = tmp_path / "sent"
    folder.mkdir()
    shutil.copy(release.envelope(), folder / "app.dsse")
    shutil.copy(release.manifest, folder / "manifest.json")
    (folder / "keys.pem").write_bytes(release.run("keys", "show", "--scrolls").stdout)
    (folder / "check.py").write_text(SCRIPT)
    return folder


def checked(folder: Path) -> tuple[int, str]:
    words = [sys.executable, "-I", "check.py", "app.dsse", "keys.pem", "manifest.json"]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr


def test_the_script_is_short_and_has_nothing_of_ours() -> None:
    assert 10 < len(SCRIPT.splitlines()) <= 40
    assert imported_by(SCRIPT) == {"base64", "hashlib", "json", "sys", "cryptography"}


def test_the_script_verifies_a_scroll(sent: Path, release: Release) -> None:
    assert checked(sent) == (0, f"valid: {release.made[0]} Apache-2.0\n")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads((folder / "app.dsse").read_text())
    change(value)
    (folder / "app.dsse").write_text(json.dumps(value, indent=1) + "\n")


def flipped(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(("number", "name"), [(0, "Ed25519"), (1, "RSA")])
def test_the_script_notices_either_signature(sent: Path, number: int, name: str) -> None:
    good = (sent / "app.dsse").read_bytes()
    edit(sent, lambda value: value["signatures"].pop(number))
    code, said = checked(sent)
    assert code == 1 and said == f"{name}: no valid signature\n", "stripped"
    (sent / "app.dsse").write_bytes(good)

    def change(value: dict[str, Any]) -> None:
        value["signatures"][number]["sig"] = flipped(value["signatures"][number]["sig"])

    edit(sent, change)
    assert checked(sent) == (1, f"{name}: no valid signature\n"), "changed"


def test_the_script_notices_other_bytes_keys_and_manifests(sent: Path, release: Release) -> None:
    good = (sent / "app.dsse").read_bytes()
    edit(sent, lambda value: value.update(payload=flipped(value["payload"])))
    assert checked(sent)[1].endswith("no valid signature\n")
    (sent / "app.dsse").write_bytes(good.replace(b"\n ", b"\n  ", 1))
    assert checked(sent)[1].startswith("envelope:")
    for place in range(7, len(good), len(good) // 25):
        (sent / "app.dsse").write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        is_key_id = any(each["keyid"].encode() in good for each in json.loads(good)["signatures"])
        hint = re.search(rb'"keyid": "[^"]*"', good[max(0, place - 28) : place + 28])
        assert checked(sent)[0] != 0 or (is_key_id and hint), place
    (sent / "app.dsse").write_bytes(good)
    (sent / "manifest.json").write_bytes((sent / "manifest.json").read_bytes() + b"\n")
    assert checked(sent) == (1, "manifest: it is about another one\n")
    shutil.copy(release.manifest, sent / "manifest.json")
    assert checked(sent)[0] == 0


def openssl(folder: Path) -> tuple[bool, bool]:
    """Run the commands of the page; says whether OpenSSL verified the two signatures."""
    ran = subprocess.run(
        ["bash", "-u"],
        input=BLOCKS[1],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    return "Signature Verified Successfully" in ran.stdout, "Verified OK" in ran.stdout


def test_openssl_verifies_it_as_the_page_says(sent: Path) -> None:
    assert openssl(sent) == (True, True)
    good = (sent / "app.dsse").read_bytes()
    for number, found in ((0, (False, True)), (1, (True, False))):

        def change(value: dict[str, Any], at: int = number) -> None:
            value["signatures"][at]["sig"] = flipped(value["signatures"][at]["sig"])

        edit(sent, change)
        assert openssl(sent) == found
        (sent / "app.dsse").write_bytes(good)
    edit(sent, lambda value: value.update(payload=flipped(value["payload"])))
    assert openssl(sent) == (False, False)


def test_openssl_takes_the_key_that_signed(release: Release, sent: Path) -> None:
    """The file has three keys and more after each was switched."""
    release.run("keys", "rotate", "--rsa")
    release.run("keys", "rotate")
    new = release.create()
    (sent / "keys.pem").write_bytes(release.run("keys", "show", "--scrolls").stdout)
    assert (sent / "keys.pem").read_text().count("BEGIN") == 4
    for scroll in (release.made[0], new):
        shutil.copy(release.envelope(scroll), sent / "app.dsse")
        assert openssl(sent) == (True, True)


def test_our_own_verify_names_what_failed(sent: Path, release: Release) -> None:
    """Of a file that was changed in one byte: in the message of the error, or in a reason."""
    from gorillacomb.api.scrolls.verify import verify_scroll
    from gorillacomb.errors import UntrustedInput

    good = (sent / "app.dsse").read_bytes()
    words = ("Ed25519", "RSA", "scroll")
    for at in range(len(good)):
        bad = good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :]
        try:
            found = verify_scroll(bad, keys=[sent / "keys.pem"], vault=sent / "none")
        except UntrustedInput as error:
            said = error.message
        else:
            assert not found.ok, at
            said = found.reasons[0].detail
        assert any(word in said for word in words), (at, said)
