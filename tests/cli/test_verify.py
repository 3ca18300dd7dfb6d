"""`gorillacomb verify`: what it says, in words and in JSON, and how it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.verify import default_root
from gorillacomb.manifest.envelope import sign_payload
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.serialize import to_json
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import RsaSigningKey, public_pem
from gorillacomb.vaultmesh.keys.note import VerifierKey
from tests.support.homes import config_folder
from tests.support.run import (
    Argument,
    Ran,
    environment,
    lines_on_screen,
    on_terminal,
    refused,
    run,
    shell,
    width_of,
)
from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import Link, Tree, make_tree

OLD = 1_700_000_000
KEYS = {
    *("ok", "changed", "damaged", "missing", "extra", "renamed", "mode", "unreadable"),
    *("signature", "checkpoint"),
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = make_tree(
        tmp_path / "HealthTrack",
        {
            "package.json": "{}",
            "client": {"app.tsx": "app", b"odd \xff": "odd", "same": "same", "name": "renamed"},
            "logs": {},
            "latest": Link("client/app.tsx"),
        },
    )
    for path in folder.rglob("*"):  # of what was read young, nothing is damaged
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    return folder


@pytest.fixture
def manifest(top: Path, tmp_path: Path) -> Path:
    out = tmp_path / "manifest.json"
    assert run("manifest", top, "-o", out).code == 0
    return out


def check(manifest: Path, *more: Argument) -> Ran:
    return run("verify", manifest, *more)


def report(manifest: Path, code: int, *more: Argument) -> Any:
    ran = run("verify", manifest, "--json", *more)
    assert ran.code == code, ran
    return ran.json()


def spoil(top: Path) -> None:
    """One of every finding."""
    (top / "package.json").write_text("[ ]")
    os.utime(top / "client/app.tsx", ns=(5, 5))
    facts = os.stat(top / "client/same")
    (top / "client/same").write_text("emas")
    os.utime(top / "client/same", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    os.unlink(os.fsencode(top) + b"/client/odd \xff")
    (top / "client/name").rename(top / "client/new name")
    (top / "extra").write_text("extra")
    os.chmod(top / "logs", 0o700)


def test_all_is_as_it_was(manifest: Path) -> None:
    ran = check(manifest)
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.endswith("/HealthTrack: 7 ok.")
    assert second.startswith("Signature: signed by a key that is known here (")


def test_json(manifest: Path, top: Path) -> None:
    found = report(manifest, 0)
    assert found.keys() >= KEYS
    assert found["root"] == {"path": str(top)}
    assert (found["ok"], found["signature"], found["checkpoint"]) == (7, "valid", "unknown")
    spoil(top)
    found = report(manifest, 1)
    assert found["ok"] == 2
    assert [each["path"] for each in found["changed"]] == ["package.json"]
    assert [each["path"] for each in found["damaged"]] == ["client/same"]
    assert [each["path_b64"] for each in found["missing"]] == ["Y2xpZW50L29kZCD/"]
    assert [each["path"] for each in found["extra"]] == ["extra"]
    assert [each["path"] for each in found["mode"]] == ["logs"]
    assert found["renamed"] == [
        {"from": {"path": "client/name"}, "to": {"path": "client/new name"}, "cause": ""}
    ]
    assert found["unreadable"] == []


def test_words(manifest: Path, top: Path) -> None:
    old = top.joinpath("logs").stat().st_mode & 0o7777
    spoil(top)
    ran = check(manifest)
    assert ran.code == 1
    *lines, last, signature = ran.out.splitlines()
    assert lines == [
        "changed    package.json: 3 bytes, was 2",
        "damaged    client/same: content changed; size and time did not",
        "missing    client/odd \\xff",
        "extra      extra",
        f"mode       logs: 0700, was {old:04o}",
        "renamed    client/name → client/new name",
    ]
    assert last.endswith(
        "HealthTrack: 2 ok, 1 changed, 1 damaged, 1 missing, 1 extra, 1 mode, 1 renamed."
    )
    assert signature.startswith("Signature: signed by a key that is known here")


def test_lines_fit_a_terminal(manifest: Path, top: Path) -> None:
    deep = top / "/".join(["a rather long name of a folder"] * 6)
    deep.mkdir(parents=True)
    (deep / "extra \x1b[31m file").write_text("x")
    shutil.rmtree(top / "client")
    ran = on_terminal("verify", manifest)
    assert ran.code == 1
    lines = lines_on_screen(ran.stdout)
    assert any(line.startswith("extra      a rather") for line in lines)
    assert all(width_of(line) <= 80 for line in lines)
    assert b"\x1b[31m" not in ran.stdout


def test_the_root_is_found(manifest: Path, top: Path, tmp_path: Path) -> None:
    inside = top / "manifest.json"
    shutil.copy(manifest, inside)
    shutil.copy(f"{manifest}.dsse", f"{inside}.dsse")
    assert report(inside, 0)["root"] == {"path": str(top)}
    assert run("verify", "manifest.json", cwd=top).code == 0
    moved = tmp_path / "deployed under another name"
    top.rename(moved)
    assert report(moved / "manifest.json", 0)["root"] == {"path": str(moved)}
    refused(check(manifest), 2, "None of the manifest's first entries", f"exists in {tmp_path}.")
    assert "--root" in check(manifest).err.splitlines()[1]
    found = report(manifest, 1, "--root", moved)
    assert [each["path"] for each in found["extra"]] == ["manifest.json", "manifest.json.dsse"]


def test_no_link_beside_the_manifest_is_taken_for_the_folder(
    manifest: Path, top: Path, tmp_path: Path
) -> None:
    top.rename(tmp_path / "elsewhere")
    top.symlink_to("elsewhere")
    refused(check(manifest), 2, f"exists in {tmp_path}.")


def test_a_first_folder_that_is_gone_makes_no_folder_strange(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "t", {"a": {f"{n}": "x" for n in range(30)}, "b": "b"})
    assert run("manifest", top, "-o", top / "m.json").code == 0
    shutil.rmtree(top / "a")
    assert len(report(top / "m.json", 1)["missing"]) == 30
    (top / "b").unlink()
    refused(check(top / "m.json"), 2, "None of the manifest's first entries")
    assert len(report(top / "m.json", 1, "--root", top)["missing"]) == 31


def test_twenty_findings_of_a_kind_are_named(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "t", {f"{n}": f"content {n}" for n in range(100, 160)})
    assert run("manifest", top, "-o", top / "m.json").code == 0
    for n in range(110, 135):
        (top / f"{n}").rename(top / f"renamed {n}")
        (top / f"{n + 25}").unlink()
    rest = f"{'':11}and 5 more; --all names them"
    *lines, _, _ = check(top / "m.json").out.splitlines()
    starts = [line if line == rest else line.split()[0] for line in lines]
    assert starts == [*["missing"] * 20, rest, *["renamed"] * 20, rest]
    *lines, _, _ = check(top / "m.json", "--all").out.splitlines()
    assert [line.split()[0] for line in lines] == ["missing"] * 25 + ["renamed"] * 25
    assert len(report(top / "m.json", 1)["missing"]) == 25


@pytest.mark.parametrize("words", [(), ("--json",), ("--all",)])
def test_a_reader_that_leaves_changes_no_exit_code(tmp_path: Path, words: tuple[str, ...]) -> None:
    names: Tree = {f"{n:03} {'long' * 50}": "x" for n in range(900)}  # more than a pipe holds
    top = make_tree(tmp_path / "t", names)
    assert run("manifest", top, "-o", top / "m.json").code == 0
    for code in (0, 1):
        script = '{ "$@"; echo $? >&3; } 3>&2 2>/dev/null | true'
        ran = run(words=shell(script, "verify", top / "m.json", *words))
        assert ran.err == f"{code}\n"
        for path in sorted(top.glob("*long*"))[1:]:
            path.unlink()


@pytest.mark.parametrize("others", [2, 883])
def test_what_a_selection_leaves_out_fits_a_terminal(tmp_path: Path, others: int) -> None:
    top = make_tree(tmp_path / "t", {f"{n}": "x" for n in range(others + 1)})
    value = parse_manifest(_manifest_of(top))
    value = dataclasses.replace(value, entries=value.entries[:1], whole=False)
    (top / "m.json").write_bytes(to_json(value))
    ran = check(top / "m.json")
    assert ran.code == 0
    assert f"{others} other things exist there; the manifest lists a selection" in ran.out
    assert all(width_of(line) <= 80 for line in ran.out.splitlines()[1:])


def _manifest_of(top: Path) -> bytes:
    return run("manifest", top, "-o", "-").stdout


# What cannot be listed.


def test_a_folder_that_cannot_be_listed_is_not_ok() -> None:
    with ground() as home:
        tree: Tree = {"a": "x", "priv": {}, "odd": {}, "above": {"in": {}, "file": "x"}, "b": "x"}
        top = make_tree(home / "t", tree)
        out = home / "m.json"
        modes = {"priv": 0o700, "odd": 0o711, "above": 0o711}
        for name, mode in modes.items():
            os.chmod(top / name, mode)
        assert run("manifest", top, "-o", out, "--no-sign").code == 0
        # macOS spawns its workers, with a Python that the stranger may not even reach.
        for workers in ("0", "2") if sys.platform == "linux" else ("0",):
            words = ("verify", out, "--root", top, "--workers", workers)
            ran = run_as_stranger(*words, "--json", home=home)
            assert ran.code == 3, ran
            found = ran.json()
            unreadable = ["above", "above/file", "above/in", "odd", "priv"]
            assert [each["path"] for each in found["unreadable"]] == unreadable
            assert {each["cause"] for each in found["unreadable"]} == {"permission denied"}
            assert (found["ok"], found["mode"], found["extra"]) == (2, [], [])
        os.chmod(top / "priv", 0o600)  # both: not as it was, and not to be listed
        ran = run_as_stranger("verify", out, "--root", top, "--json", home=home)
        assert (ran.code, ran.json()["ok"], len(ran.json()["mode"])) == (1, 2, 1)
        assert [each["path"] for each in ran.json()["unreadable"]] == unreadable


def test_a_manifest_that_may_not_be_read_is_no_missing_one() -> None:
    with ground() as home:
        out = home / "m.json"
        out.write_text("{}")
        os.chmod(out, 0)
        ran = run_as_stranger("verify", out, home=home)
        refused(ran, 2, "m.json cannot be read: permission denied")
        assert "permissions" in ran.err.splitlines()[1]
        ran = run_as_stranger("verify", home / "nowhere", home=home)
        assert "Make one first" in ran.err


def test_a_manifest_of_the_whole_system_is_not_looked_for_beside(tmp_path: Path) -> None:
    manifest = dataclasses.replace(parse_manifest(b"".join(_empty())), name=b"/")
    assert default_root(os.fsencode(tmp_path / "m.json"), manifest) == os.fsencode(tmp_path)


def _empty() -> list[bytes]:
    from gorillacomb.manifest.model import Manifest

    return [to_json(Manifest(b"x", (), 0))]


def test_workers_and_digests(manifest: Path, top: Path) -> None:
    assert report(manifest, 0)["digests"] == ["blake3"]
    assert report(manifest, 0, "--digests", "both")["digests"] == ["blake3", "sha256"]
    os.unlink(f"{manifest}.dsse")
    assert report(manifest, 0)["digests"] == ["blake3", "sha256"]
    assert report(manifest, 0, "--digests", "blake3")["digests"] == ["blake3"]
    spoil(top)
    for workers in ("0", "1", "2"):
        assert report(manifest, 1, "--workers", workers)["ok"] == 2


def test_progress(manifest: Path) -> None:
    ran = check(manifest, "--progress")
    assert ran.code == 0
    assert "Verifying" in ran.err


def test_a_digest_that_is_not_true_is_found_without_a_signature(manifest: Path) -> None:
    """An edit that nobody signed cannot hide behind the other digest."""
    value = parse_manifest(manifest.read_bytes())
    entries = list(value.entries)
    place = next(n for n, entry in enumerate(entries) if entry.path == b"package.json")
    for digest in ("sha256", "blake3"):
        edited = dataclasses.replace(entries[place], **{digest: "0" * 64})  # type: ignore[arg-type]
        changed = (*entries[:place], edited, *entries[place + 1 :])
        manifest.write_bytes(to_json(dataclasses.replace(value, entries=changed)))
        found = report(manifest, 1)
        assert found["signature"] == "invalid"
        assert [each["path"] for each in found["damaged"]] == ["package.json"]


# Signatures.


def test_no_signature(manifest: Path) -> None:
    os.unlink(f"{manifest}.dsse")
    assert report(manifest, 0)["signature"] == "none"
    assert "Signature: it is not signed." in check(manifest).out
    assert report(manifest, 1, "--require-signature")["signature"] == "none"
    assert "NOT VALID" in check(manifest, "--require-signature").out


def test_signatures_taken_out(manifest: Path, tmp_path: Path, own_home: Path) -> None:
    envelope = Path(f"{manifest}.dsse")
    value = json.loads(envelope.read_text())
    envelope.write_text(json.dumps({**value, "signatures": []}))
    assert report(manifest, 0)["signature"] == "none"
    assert report(manifest, 1, "--require-signature")["signature"] == "none"
    assert report(manifest, 1, "--key", _public(own_home, tmp_path))["signature"] == "none"


def _public(home: Path, folder: Path) -> Path:
    """The user's public key in PEM."""
    store = KeyStore(config_folder(home) / "keys")
    path = folder / "key.pem"
    path.write_bytes(public_pem(store.ed25519().public))
    return path


def test_a_key_is_named(manifest: Path, tmp_path: Path, own_home: Path) -> None:
    public = _public(own_home, tmp_path)
    assert report(manifest, 0, "--key", public)["signature"] == "valid"
    raw = KeyStore(config_folder(own_home) / "keys").ed25519().public
    note = tmp_path / "key.txt"
    note.write_text(f"{VerifierKey('example.org/log', raw)}\n")
    assert report(manifest, 0, "--key", note)["signature"] == "valid"
    stranger = KeyStore(tmp_path / "keys").ed25519()
    other = tmp_path / "other.pem"
    other.write_bytes(public_pem(stranger.public))
    assert report(manifest, 1, "--key", other)["signature"] == "unknown-key"
    Path(f"{manifest}.dsse").write_bytes(sign_payload(manifest.read_bytes(), [stranger]))
    assert report(manifest, 0)["signature"] == "unknown-key"
    assert report(manifest, 1, "--require-signature")["signature"] == "unknown-key"
    said = run("verify", manifest).out
    assert "Anyone may have signed it" in said and f"verify {manifest} --key PUB" in said
    assert report(manifest, 0, "--key", other)["signature"] == "valid"
    assert report(manifest, 1, "--key", public)["signature"] == "unknown-key"


def test_an_rsa_key_is_named(manifest: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = KeyStore(tmp_path / "keys").make("rsa")
    assert isinstance(key, RsaSigningKey)
    Path(f"{manifest}.dsse").write_bytes(sign_payload(manifest.read_bytes(), [key]))
    public = tmp_path / "rsa.pem"
    public.write_bytes(
        key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    assert report(manifest, 0, "--key", public)["signature"] == "valid"


def test_the_envelope_of_another_manifest(manifest: Path, top: Path, tmp_path: Path) -> None:
    (top / "package.json").write_text("{ }")
    other = tmp_path / "other.json"
    assert run("manifest", top, "-o", other).code == 0
    os.replace(f"{other}.dsse", f"{manifest}.dsse")
    found = report(manifest, 1)
    assert found["signature"] == "invalid"
    assert "NOT VALID: the envelope is that of another manifest." in check(manifest).out


def test_a_forged_signature(manifest: Path) -> None:
    envelope = Path(f"{manifest}.dsse")
    value = json.loads(envelope.read_text())
    sig = value["signatures"][0]["sig"]
    value["signatures"][0]["sig"] = ("B" if sig[0] == "A" else "A") + sig[1:]
    envelope.write_text(json.dumps(value))
    assert report(manifest, 1)["signature"] == "invalid"


@pytest.mark.parametrize("content", ["", "[]", '{"payload": "', "[" * 100_000, '{"a":1,"a":2}'])
def test_an_envelope_that_is_none(manifest: Path, content: str) -> None:
    Path(f"{manifest}.dsse").write_text(content)
    refused(check(manifest), 2, "The envelope is refused")


def test_a_machine_that_knows_nothing(manifest: Path) -> None:
    """No vault, no keys, another user."""
    with ground() as home:
        shutil.copytree(manifest.parent / "HealthTrack", home / "HealthTrack", symlinks=True)
        shutil.copy(manifest, home)
        give(home / "HealthTrack")
        ran = run_as_stranger("verify", home / "manifest.json", "--json", home=home)
        assert ran.code == 0, ran
        assert (ran.json()["ok"], ran.json()["signature"]) == (7, "none")
        assert not (home / "vault").exists()
        os.chmod(home / "HealthTrack/client/app.tsx", 0)
        ran = run_as_stranger("verify", home / "manifest.json", "--json", home=home)
        assert ran.code == 1  # the mode
        assert [each["path"] for each in ran.json()["unreadable"]] == ["client/app.tsx"]
        os.chmod(home / "HealthTrack/client/app.tsx", 0o644)
        os.chown(home / "HealthTrack/client/app.tsx", 0, 0)
        os.chmod(home / "HealthTrack/client", 0o400)
        ran = run_as_stranger("verify", home / "manifest.json", home=home)
        assert "permission denied" in ran.out
        assert ran.code == 3


# What is refused.


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "The manifest is refused: it is empty."),
        (b" \n", "The manifest is refused: it is empty."),
        (b"\xef\xbb\xbf{}", "it is not JSON: it begins with a byte order mark."),
        (b"hello", "The manifest is refused: it is not JSON (see line 1, column 1)."),
        (b'{"a": 1,\n "b" 2}', "it is not JSON (see line 2, column 6)."),
        (b"{}", "in-toto"),
        (b"[" * 1_000_000, "nested"),
        (b'{"_type": 1, "_type": 2}', "twice"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(content)
    refused(check(path), 2, word)


def test_a_path_that_leaves_the_root(manifest: Path, top: Path) -> None:
    data = manifest.read_bytes().replace(b'"package.json"', b'"../ackage.json"')
    assert data != manifest.read_bytes()
    value = json.loads(data)
    manifest.write_text(json.dumps(value))
    refused(check(manifest), 2, "The manifest is refused", "'..'")
    manifest.write_bytes(data)
    refused(check(manifest), 2, "The manifest is refused")


def test_what_cannot_be_read(manifest: Path, tmp_path: Path) -> None:
    refused(check(tmp_path / "nowhere"), 2, "nowhere", "no such file")
    refused(check(tmp_path), 2, "is a folder")
    refused(check(manifest, "--root", tmp_path / "nowhere"), 2, "nowhere")
    refused(check(manifest, "--root", manifest), 2, "not a folder")
    refused(check(manifest, "--key", tmp_path / "nowhere"), 4, "nowhere")
    (tmp_path / "key").write_text("no key")
    refused(check(manifest, "--key", tmp_path / "key"), 2, "key")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    refused(check(fifo), 2, "not a file")
    os.unlink(f"{manifest}.dsse")
    os.mkfifo(f"{manifest}.dsse")
    refused(check(manifest), 2, "not a file")


def test_far_too_large_it_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    refused(check(path), 2, "far too large")


# The checkpoint.


@pytest.mark.parametrize(
    ("state", "code"), [("consistent", 0), ("inconsistent", 1), ("unknown", 0)]
)
def test_the_checkpoint_decides(
    top: Path, manifest: Path, vault: Path, state: str, code: int
) -> None:
    assert run("scan", top, vault=vault).code == 0
    note = run("trace", "checkpoint", vault=vault).out
    known, _ = parse_checkpoint(note.encode())
    if state == "inconsistent":  # the same log with another root: whose signature, is not asked
        other = dataclasses.replace(known, root=bytes(32))
        note = note.replace(known.text(), other.text())
    elif state == "unknown":
        note = note.replace(known.origin, f"{known.origin}x")
    value = dataclasses.replace(parse_manifest(manifest.read_bytes()), checkpoint=note)
    manifest.write_bytes(to_json(value))
    os.unlink(f"{manifest}.dsse")
    ran = run("verify", manifest, "--json", vault=vault)
    assert (ran.code, ran.json()["checkpoint"]) == (code, state), ran
    ran = run("verify", manifest, vault=vault)
    assert ran.code == code
    assert ("Checkpoint: " in ran.out) == (state != "unknown")


def test_a_trace_that_cannot_be_read_is_warned_of(top: Path, manifest: Path, vault: Path) -> None:
    assert run("scan", top, vault=vault).code == 0
    note = run("trace", "checkpoint", vault=vault).out
    value = dataclasses.replace(parse_manifest(manifest.read_bytes()), checkpoint=note)
    manifest.write_bytes(to_json(value))
    os.unlink(f"{manifest}.dsse")
    (vault / "trace.db").write_bytes(b"no database" * 99)
    ran = run("verify", manifest, "--json", vault=vault)
    assert (ran.code, ran.json()["checkpoint"]) == (0, "unknown"), ran
    assert "gorillacomb: warning: " in ran.err


def test_a_key_that_does_not_open_is_warned_of(manifest: Path, own_home: Path) -> None:
    path = config_folder(own_home) / "keys/ed25519.pem"
    closed = environment(None, GORILLACOMB_PASSPHRASE="secret")
    path.unlink()
    assert run("keys", "init", env=closed).code == 0
    ran = check(manifest)
    assert ran.code == 0, ran
    assert "gorillacomb: warning: " in ran.err
    assert "use --key" in ran.err
    assert "a key that is not known here" in ran.out
