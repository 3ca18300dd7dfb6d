"""Manifests from Python: made, saved, checked and exported without the command line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.api.export import FORMATS, ExportFormat
from gorillacomb.manifest.model import OmittedPath
from tests.support.homes import config_folder
from tests.support.run import run
from tests.support.trees import make_tree


@pytest.fixture
def folder(tmp_path: Path, vault: Path) -> Path:
    return make_tree(tmp_path / "app", {"a": "a" * 100, "sub": {"b": "b" * 50}, "empty": {}})


def test_a_manifest_is_the_one_of_the_command(folder: Path, tmp_path: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    assert manifest.root == os.fsencode(folder)
    assert manifest.counts == {"files": 2, "links": 0, "dirs": 1, "bytes": 150}
    assert run("manifest", folder, "-o", tmp_path / "m.json", vault=vault).code == 0
    theirs, ours = json.loads((tmp_path / "m.json").read_bytes()), json.loads(manifest.to_bytes())
    assert ours["subject"] == theirs["subject"]
    assert ours["predicate"]["files"] == theirs["predicate"]["files"]


def test_a_manifest_is_saved_as_the_command_does(folder: Path, tmp_path: Path, vault: Path) -> None:
    told: list[object] = []
    first = gorillacomb.create_manifest(folder, vault=vault)
    saved = first.save(tmp_path / "m.json", made=told.append)
    assert saved.path == os.fsencode(tmp_path / "m.json")
    assert saved.key is not None
    assert len(told) == 1
    assert (tmp_path / "m.json").read_bytes() == first.to_bytes()
    assert run("verify", tmp_path / "m.json", "--root", folder, vault=vault).code == 0
    report = run("manifest", folder, "-o", tmp_path / "m.json", "--force", "--json", vault=vault)
    assert saved.to_dict() == report.json()
    first.save(tmp_path / "m.json", made=told.append, replace=True)
    assert len(told) == 1, "the key exists by now"


def test_no_file_is_replaced_unasked(folder: Path, tmp_path: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    manifest.save(tmp_path / "m.json", sign=None)
    assert not (tmp_path / "m.json.dsse").exists()
    before = (tmp_path / "m.json").stat()
    with pytest.raises(gorillacomb.RefusedForSafety):
        manifest.save(tmp_path / "m.json", sign=None)
    assert (tmp_path / "m.json").stat() == before


def test_a_manifest_that_lacks_something_is_saved_only_on_request(
    folder: Path, tmp_path: Path, vault: Path
) -> None:
    whole = gorillacomb.create_manifest(folder, vault=vault)
    gap = OmittedPath(b"closed", "unreadable", "permission denied")
    manifest = replace(whole, manifest=replace(whole.manifest, left_out=(gap,)))
    assert manifest.lacks == (gap,)
    with pytest.raises(gorillacomb.UsageError, match="1 of the files"):
        manifest.save(tmp_path / "m.json")
    assert not (tmp_path / "m.json").exists()
    assert manifest.save(tmp_path / "m.json", allow_missing=True).path is not None


def test_what_is_saved_inside_the_folder_is_no_part_of_it(folder: Path, vault: Path) -> None:
    place = folder / "manifest.json"
    gorillacomb.create_manifest(folder, output=place, vault=vault).save(place)
    again = gorillacomb.create_manifest(folder, output=place, vault=vault)
    assert again.counts["files"] == 2
    assert gorillacomb.create_manifest(folder, vault=vault).counts["files"] == 4


def test_the_canonical_files_of_the_one_root(folder: Path, tmp_path: Path, vault: Path) -> None:
    make_tree(folder, {"copy of a": "a" * 100})
    assert run("scan", folder, vault=vault).code == 0
    with gorillacomb.open_vault(vault) as opened:
        manifest = gorillacomb.create_manifest(vault=opened)
    entries = manifest.manifest.entries
    assert [each.path for each in entries] == [b"a", b"sub/b"]
    assert all(each.seq is not None for each in entries)
    make_tree(tmp_path / "other", {"c": "c" * 100})
    assert run("scan", tmp_path / "other", vault=vault).code == 0
    with pytest.raises(gorillacomb.UsageError, match="There are 2 roots"):
        gorillacomb.create_manifest(vault=vault)


def test_ecdsa_signs_no_manifest(folder: Path, tmp_path: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    with pytest.raises(gorillacomb.UsageError, match="ecdsa"):
        manifest.save(tmp_path / "m.json", sign="ecdsa")


def test_a_key_of_another_kind_signs_nothing(
    folder: Path, tmp_path: Path, vault: Path, own_home: Path
) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    manifest.save(tmp_path / "m.json")
    keys = config_folder(own_home) / "keys"
    (keys / "ed25519.pem").rename(keys / "rsa.pem")
    with pytest.raises(gorillacomb.UntrustedInput, match="is not of the kind rsa"):
        manifest.save(tmp_path / "rsa.json", sign="rsa")
    assert not (tmp_path / "rsa.json").exists()


def test_a_folder_is_compared_with_its_manifest(folder: Path, tmp_path: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    check = gorillacomb.verify_manifest(manifest, folder, vault=vault)
    assert check.ok
    assert (check.report.ok, check.signature.state) == (3, "none")
    manifest.save(tmp_path / "m.json")
    (folder / "a").write_text("b" * 99)
    for each in (manifest, tmp_path / "m.json"):
        check = gorillacomb.verify_manifest(each, folder, vault=vault)
        assert not check.ok
        assert [each.path for each in check.report.changed] == [b"a"]
    theirs = run("verify", tmp_path / "m.json", "--root", folder, "--json", vault=vault)
    assert check.to_dict() == theirs.json()
    assert check.signature.state == "valid"


def test_the_folder_of_a_manifest_is_found(folder: Path, tmp_path: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    assert gorillacomb.verify_manifest(manifest).root == os.fsencode(folder)
    manifest.save(tmp_path / "m.json")
    assert gorillacomb.verify_manifest(tmp_path / "m.json").root == os.fsencode(folder)
    (tmp_path / "elsewhere").mkdir()
    manifest.save(tmp_path / "elsewhere/m.json")
    with pytest.raises(gorillacomb.UsageError, match="first entries"):
        gorillacomb.verify_manifest(tmp_path / "elsewhere/m.json")


def test_a_required_signature_fails_what_is_unsigned(folder: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    check = gorillacomb.verify_manifest(manifest, require_signature=True, vault=vault)
    assert not check.report.differs
    assert not check.is_trusted
    assert not check.ok


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("bagit", "oms")])
def test_an_export_is_the_one_of_the_command(
    form: ExportFormat, folder: Path, tmp_path: Path, vault: Path
) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    file, out = tmp_path / "m.json", tmp_path / "list"
    manifest.save(file)
    of_file = gorillacomb.export_manifest(file, form)
    assert of_file.data == gorillacomb.export_manifest(manifest, form).data
    assert of_file.data == run("export", file, "--format", form).stdout
    assert of_file.path is None
    written = gorillacomb.export_manifest(file, form, out)
    assert out.read_bytes() == of_file.data
    words = ("export", file, "--format", form, "-o", out, "--force", "--json")
    assert written.to_dict() == run(*words).json()
    with pytest.raises(gorillacomb.RefusedForSafety):
        gorillacomb.export_manifest(file, form, out)
    with pytest.raises(gorillacomb.RefusedForSafety, match="would overwrite the manifest"):
        gorillacomb.export_manifest(file, form, file, replace=True)


def test_an_export_that_is_signed_names_its_key(folder: Path, tmp_path: Path, vault: Path) -> None:
    told: list[object] = []
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    done = gorillacomb.export_manifest(manifest, "oms", tmp_path / "sig", made=told.append)
    assert told == [done.key]
    assert done.key is not None
    assert done.key.public_pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert done.to_dict()["key"] == done.key.fingerprint
    assert repr(done.key.signing) not in repr(done.key), "no private key is printed by mistake"


def test_a_bag_is_made_or_not(folder: Path, tmp_path: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    with pytest.raises(gorillacomb.UsageError, match="is a folder"):
        gorillacomb.export_manifest(manifest, "bagit")
    done = gorillacomb.export_manifest(manifest, "bagit", tmp_path / "bag")
    assert (done.entries, done.failed) == (2, ())
    assert (tmp_path / "bag/data/sub/b").read_text() == "b" * 50
    (folder / "a").write_text("edited")
    failed = gorillacomb.export_manifest(manifest, "bagit", tmp_path / "other")
    assert [each.path for each in failed.failed] == [b"a"]
    assert failed.to_dict()["written"] is None
    assert not (tmp_path / "other").exists()


def test_no_other_format_is_known(folder: Path, vault: Path) -> None:
    manifest = gorillacomb.create_manifest(folder, vault=vault)
    with pytest.raises(gorillacomb.UsageError, match="zip is not a format"):
        gorillacomb.export_manifest(manifest, "zip")  # type: ignore[arg-type]
