"""A witness with its keys and its record: what it signs, keeps and shows, and when it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.errors import KeyMissing, RefusedForSafety, UntrustedInput, UsageError, VaultError
from gorillacomb.mesh.witness.forks import known_forks
from gorillacomb.mesh.witness.identity import create_witness, read_identity
from gorillacomb.mesh.witness.logs import trust_log, trusted_logs, untrust_log
from gorillacomb.mesh.witness.protocol import WitnessRefusal
from gorillacomb.mesh.witness.recover import cosigned_logs, first_trouble, recover
from gorillacomb.mesh.witness.service import MOST_BACK, Witness, cosign_time
from gorillacomb.mesh.witness.state import name_of
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.cosign import cosignatures
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import key_store, watcher_keys
from tests.mesh.logs import MadeLog, body_of, signing_key
from tests.mesh.witness.conftest import NOW, Clock
from tests.mesh.witness.outside import Outside, Places, size_of

Opened = Callable[[], Witness]


@pytest.fixture
def outside(witness: Witness) -> Outside:
    return Outside(witness.identity)


def test_it_signs_with_both_keys_at_this_time(witness: Witness, log: MadeLog) -> None:
    lines = witness.add_checkpoint(log.request(0, 5))
    found = cosignatures(log.note(5) + lines, witness.identity.keys)
    assert [(each.key, each.seconds) for each in found] == [
        (key, NOW) for key in witness.identity.keys
    ]
    assert lines.count(b"\n") == 2


def test_what_monitors_get_has_the_lines_that_were_verified_and_returned(
    witness: Witness, log: MadeLog
) -> None:
    other = MadeLog(keys=[*log.keys, signing_key("another")])
    lines = witness.add_checkpoint(other.request(0, 5))
    assert witness.checkpoint(name_of(log.origin)) == log.note(5) + lines


@pytest.mark.parametrize(
    "name", [name_of("example.com/log"), "0" * 64, "x", "../current", "A" * 64]
)
def test_404_for_a_log_that_was_never_cosigned(witness: Witness, name: str) -> None:
    with pytest.raises(WitnessRefusal) as refused:
        witness.checkpoint(name)
    assert refused.value.status == 404


def test_it_goes_on_where_it_ended(opened: Opened, log: MadeLog, outside: Outside) -> None:
    assert outside.ask(opened(), log, 0, 5) == 200
    assert outside.ask(opened(), log, 5, 9) == 200
    assert outside.ask(opened(), log, 5, 10) == 409
    assert size_of(opened(), log) == 9
    assert outside.ask(opened(), log.forked(9), 9, 10) == 200
    assert outside.ask(opened(), log, 10, 11) == 422


def test_a_refresh_has_a_new_time_and_the_same_tree(
    witness: Witness, log: MadeLog, clock: Clock, outside: Outside
) -> None:
    outside.ask(witness, log, 0, 5)
    clock.seconds += 86_400
    assert outside.ask(witness, log, 5, 5) == 200
    assert outside.latest[log.origin] == (5, NOW + 86_400)


def test_an_empty_tree_can_be_cosigned(witness: Witness, log: MadeLog, outside: Outside) -> None:
    assert outside.ask(witness, log, 0, 0) == 200
    assert outside.ask(witness, log, 0, 0) == 200
    assert outside.ask(witness, log, 0, 3) == 200
    assert outside.ask(witness, log, 0, 3) == 409


@pytest.mark.parametrize(
    ("now", "last", "signed"),
    [
        (NOW, None, NOW),
        (NOW + 0.9, None, NOW),
        (NOW + 7, NOW, NOW + 7),
        (NOW - 7, NOW, NOW),
        (NOW - MOST_BACK, NOW, NOW),
        (NOW - MOST_BACK - 1, NOW, None),
        (0, None, None),
        (1_700_000_000, None, None),
    ],
)
def test_the_time_never_goes_back(now: float, last: int | None, signed: int | None) -> None:
    if signed is None:
        with pytest.raises(VaultError, match="clock"):
            cosign_time(now, last)
    else:
        assert cosign_time(now, last) == signed


def test_a_clock_that_went_far_back_signs_nothing_until_it_is_right_again(
    witness: Witness, log: MadeLog, clock: Clock, outside: Outside
) -> None:
    assert outside.ask(witness, log, 0, 5) == 200
    clock.seconds -= 86_400
    assert outside.ask(witness, log, 5, 6) == 503
    assert outside.ask(witness, log, 4, 6) == 409
    assert outside.look(witness, log) == 200
    clock.seconds += 86_400 - 60
    assert outside.ask(witness, log, 5, 6) == 200


def test_both_trees_of_a_fork_are_kept_and_the_first_pair_stays(
    witness: Witness, log: MadeLog, outside: Outside
) -> None:
    outside.ask(witness, log, 0, 5)
    assert known_forks(witness.state) == {}
    assert outside.ask(witness, log.forked(4), 5, 5) == 422
    assert outside.ask(witness, log.forked(3), 5, 5) == 422
    [(name, other)] = known_forks(witness.state).items()
    assert name == name_of(log.origin)
    assert other.read_bytes() == log.forked(4).note(5)
    assert log.note(5) in other.with_name(other.name.replace("other", "ours")).read_bytes()
    [found] = cosigned_logs(witness.vault, witness.identity)
    assert (found.fork, found.trouble) == (other, None)


def test_a_bad_proof_is_no_evidence(witness: Witness, log: MadeLog, outside: Outside) -> None:
    outside.ask(witness, log, 0, 5)
    assert outside.ask(witness, log.forked(4), 5, 6) == 422
    assert known_forks(witness.state) == {}


def test_a_log_is_trusted_until_it_is_not_and_its_record_stays(
    witness: Witness, log: MadeLog, outside: Outside
) -> None:
    outside.ask(witness, log, 0, 5)
    assert untrust_log(witness.vault, log.origin) == [log.vkey]
    assert outside.ask(witness, log, 5, 6) == 404
    assert outside.look(witness, log) == 200
    trust_log(witness.vault, log.vkey)
    assert outside.ask(witness, log, 0, 6) == 409
    assert outside.ask(witness, log, 5, 6) == 200


def test_the_keys_are_their_own(witness: Witness) -> None:
    """Not those of the trace or the watcher, and no private one is readable by others."""
    ours = {key.public for key in witness.identity.keys}
    assert len(ours) == 2
    assert not ours & {key_store().ed25519().public, watcher_keys().ed25519().public}
    files = list(witness.identity.key_folder.iterdir())
    assert [each.stat().st_mode & 0o777 for each in files] == [0o600] * 2


def test_two_vaults_never_share_a_name(witness: Witness, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="already"):
        create_witness(Vault(tmp_path / "other"), witness.identity.name)
    made = create_witness(Vault(tmp_path / "other"))
    assert made.name.startswith("gorillacomb/witness/")
    assert made.apart != witness.identity.apart


@pytest.mark.parametrize("name", ["", "two words", "a+b", "x" * 256, "a\u00a0b", "a\nb"])
def test_a_name_that_no_key_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        create_witness(Vault(tmp_path / "other"), name)


def test_keys_that_are_missing_are_not_made_again(witness: Witness, opened: Opened) -> None:
    path = witness.identity.key_folder / "ed25519.pem"
    path.rename(path.with_name("away"))
    with pytest.raises(KeyMissing):
        opened()
    key_store_of_another = create_witness(Vault(witness.vault.folder), new=True)
    (key_store_of_another.key_folder / "ed25519.pem").rename(path)
    assert read_identity(witness.vault) == key_store_of_another


def test_keys_of_another_witness_are_refused(witness: Witness, opened: Opened) -> None:
    other = create_witness(Vault(witness.vault.folder.with_name("other")))
    for name in ("ed25519.pem", "ml-dsa-44.pem"):
        (other.key_folder / name).replace(witness.identity.key_folder / name)
    with pytest.raises(KeyMissing):
        opened()


def test_a_list_of_logs_that_is_damaged_is_no_empty_one(witness: Witness, log: MadeLog) -> None:
    path = witness.vault.folder / "mesh/logs"
    path.write_text(f"{log.vkey}\nnonsense\n")
    with pytest.raises(VaultError, match="Line 2"):
        trusted_logs(witness.vault)
    with pytest.raises(VaultError):
        witness.add_checkpoint(log.request(0, 5))


def test_trusting_twice_changes_nothing(witness: Witness, log: MadeLog) -> None:
    assert not trust_log(witness.vault, log.vkey)
    second = VerifierKey(log.origin, signing_key("next").public)
    assert trust_log(witness.vault, second)
    assert trusted_logs(witness.vault) == {log.origin: [log.vkey, second]}
    assert untrust_log(witness.vault, str(log.vkey)) == [log.vkey]
    assert trusted_logs(witness.vault) == {log.origin: [second]}
    with pytest.raises(UsageError, match="No log"):
        untrust_log(witness.vault, "example.com/none")


def test_several_are_trusted_or_none(witness: Witness, log: MadeLog) -> None:
    keys = [VerifierKey(f"example.com/{each}", signing_key(each).public) for each in "abc"]
    endless = VerifierKey("example.com/" + "x" * 255, signing_key("x").public)
    with pytest.raises(UsageError, match="255 bytes"):
        trust_log(witness.vault, *keys, endless)
    assert trusted_logs(witness.vault) == {log.origin: [log.vkey]}
    assert trust_log(witness.vault, log.vkey, *keys, keys[0]) == keys
    with pytest.raises(UsageError, match="No log"):
        untrust_log(witness.vault, keys[0].name, "example.com/none")
    assert len(trusted_logs(witness.vault)) == 4
    assert untrust_log(witness.vault, *(key.name for key in keys), str(keys[0])) == keys
    assert trusted_logs(witness.vault) == {log.origin: [log.vkey]}


# What is older than it was


@pytest.fixture
def restored(witness: Witness, log: MadeLog, outside: Outside) -> Witness:
    """A witness that cosigned 5 and then 9 entries, and whose vault knows of 5."""
    outside.ask(witness, log, 0, 5)
    with Places.of(witness).saved() as put_back:
        outside.ask(witness, log, 5, 9)
        put_back("vault")
    return witness


def test_503_for_a_vault_that_was_set_back(
    restored: Witness, log: MadeLog, outside: Outside
) -> None:
    for old, size in ((5, 9), (9, 10), (5, 6), (0, 3)):
        assert outside.ask(restored, log, old, size) == 503
        assert outside.ask(restored, log.forked(5), old, size) == 503
    assert outside.look(restored, log) == 503
    assert "set back" in (first_trouble(restored.vault) or "")


def test_requests_that_need_no_record_are_answered_all_the_same(
    restored: Witness, log: MadeLog, outside: Outside
) -> None:
    assert outside.ask(restored, MadeLog("example.com/other"), 0, 5) == 404
    assert outside.ask(restored, MadeLog(keys=[signing_key("x")]), 0, 5) == 403


def test_another_log_that_did_not_go_back_is_cosigned(
    witness: Witness, log: MadeLog, outside: Outside
) -> None:
    other = MadeLog("example.com/other", keys=[signing_key("other")])
    trust_log(witness.vault, other.vkey)
    outside.ask(witness, other, 0, 7)
    outside.ask(witness, log, 0, 5)
    with Places.of(witness).saved() as put_back:
        outside.ask(witness, log, 5, 9)
        put_back("vault")
    assert outside.ask(witness, log, 9, 10) == 503
    assert outside.ask(witness, other, 7, 8) == 200


def test_a_place_apart_that_was_set_back_is_written_again(
    witness: Witness, log: MadeLog, outside: Outside
) -> None:
    outside.ask(witness, log, 0, 5)
    with Places.of(witness).saved() as put_back:
        outside.ask(witness, log, 5, 9)
        put_back("apart")
        assert outside.ask(witness, log.forked(5), 5, 9) == 409
        assert outside.look(witness, log) == 200
        put_back("vault")
    assert outside.ask(witness, log.forked(5), 5, 9) == 503


@pytest.mark.parametrize("is_cosigned", [True, False])
def test_without_the_place_apart_nothing_is_certain(
    witness: Witness, log: MadeLog, outside: Outside, is_cosigned: bool
) -> None:
    """As where a backup of the vault and the keys came to a new machine."""
    if is_cosigned:
        outside.ask(witness, log, 0, 5)
    apart = witness.identity.apart
    apart.rename(apart.with_name("away"))
    assert outside.ask(witness, log, 5 if is_cosigned else 0, 6) == 503
    assert outside.look(witness, log) == 503
    assert "missing" in (first_trouble(witness.vault) or "")


def test_both_set_back_cannot_be_noticed_and_the_topic_says_so(
    witness: Witness, log: MadeLog, outside: Outside
) -> None:
    outside.ask(witness, log, 0, 5)
    with Places.of(witness).saved() as put_back:
        witness.add_checkpoint(log.request(5, 9))
        put_back("vault", "apart")
    assert outside.ask(witness, log.forked(5), 5, 9) == 200
    from gorillacomb.api.upkeep.topics import read_topic

    assert "cannot be noticed" in read_topic("mesh").text


def test_a_damaged_record_signs_nothing(witness: Witness, log: MadeLog, outside: Outside) -> None:
    outside.ask(witness, log, 0, 5)
    path = witness.state.vault_folder / name_of(log.origin)
    good = path.read_bytes()
    for bad in (b"", b"{}", good[:-9], good.replace(b"\\n5\\n", b"\\n4\\n"), b"x" * (2 << 20)):
        path.write_bytes(bad)
        assert outside.ask(witness, log, 5, 6) == 503
        assert outside.look(witness, log) == 503
    path.unlink()
    assert outside.ask(witness, log, 0, 6) == 503
    path.write_bytes(good)
    assert outside.ask(witness, log, 5, 6) == 200


def test_a_peers_newer_note_recovers_it(restored: Witness, log: MadeLog, outside: Outside) -> None:
    known = outside_note(restored, log, 9)
    assert recover(restored.vault, restored.identity, known) is not None
    assert first_trouble(restored.vault) is None
    assert outside.ask(restored, log.forked(5), 9, 10) == 422
    assert outside.ask(restored, log, 9, 10) == 200
    assert recover(restored.vault, restored.identity, known_as(restored, log)) is None


def test_an_older_note_does_not(restored: Witness, log: MadeLog, outside: Outside) -> None:
    with Places.of(restored).saved() as put_back:
        old = restored.state.read(restored.state.vault_folder, name_of(log.origin))
        assert old is not None and old.checkpoint.size == 5
        with pytest.raises(RefusedForSafety, match="older"):
            recover(restored.vault, restored.identity, old.note)
        put_back()
    assert outside.ask(restored, log, 9, 10) == 503


def test_notes_that_prove_nothing(restored: Witness, log: MadeLog) -> None:
    known = outside_note(restored, log, 9)
    stranger = create_witness(Vault(restored.vault.folder.with_name("other")))
    changed = known.replace(b"\n9\n", b"\n8\n")
    at = known.index(b"witness.example/w1 ") + 60  # in the base64 of our first line
    broken = known[:at] + (b"A" if known[at : at + 1] != b"A" else b"B") + known[at + 1 :]
    for note in (
        log.note(12),
        broken,
        changed,
        b"x",
        known.split(b"\n\n")[0],
    ):
        with pytest.raises(UntrustedInput):
            recover(restored.vault, restored.identity, note)
    with pytest.raises(UntrustedInput):
        recover(restored.vault, stranger, known)
    untrust_log(restored.vault, log.origin)
    with pytest.raises(UntrustedInput, match="does not know"):
        recover(restored.vault, restored.identity, known)


def test_two_trees_of_one_size_under_our_key_end_its_use(witness: Witness, log: MadeLog) -> None:
    """As after both places were set back: the evidence is named when somebody shows it."""
    with Places.of(witness).saved() as put_back:
        first = log.note(9) + witness.add_checkpoint(log.request(0, 9))
        put_back()
    witness.add_checkpoint(log.forked(5).request(0, 9))
    with pytest.raises(RefusedForSafety, match="two trees"):
        recover(witness.vault, witness.identity, first)


def test_a_new_key_begins_again_under_another_name(
    restored: Witness, log: MadeLog, opened: Opened
) -> None:
    made = create_witness(restored.vault, new=True)
    assert made.name != restored.identity.name
    with pytest.raises(VaultError, match="another witness"):
        restored.add_checkpoint(log.request(0, 5))  # a server that was not started again
    fresh = opened()
    outside = Outside(made)
    assert outside.ask(fresh, log, 0, 9) == 200
    assert outside.look(fresh, log) == 200


def outside_note(witness: Witness, log: MadeLog, size: int) -> bytes:
    """The cosigned checkpoint that the log's owner has kept: that of the place apart."""
    found = witness.state.read(witness.state.apart, name_of(log.origin))
    assert found is not None and found.checkpoint.size == size
    return found.note + b"\xe2\x80\x94 another.example/witness AAAAAAAA\n"


def known_as(witness: Witness, log: MadeLog) -> bytes:
    return witness.checkpoint(name_of(log.origin))


def test_many_requests_at_once_are_one_after_the_other(
    witness: Witness, log: MadeLog, outside: Outside
) -> None:
    """Of two trees that are offered at the same time, one is cosigned."""
    outside.ask(witness, log, 0, 5)
    statuses: list[int] = []
    start = threading.Barrier(8)

    def send(number: int) -> None:
        mine = log if number % 2 else log.forked(6)
        start.wait()
        try:
            lines = witness.add_checkpoint(body_of(5, mine.proof(5, 9), mine.note(9)))
        except WitnessRefusal as error:
            statuses.append(int(error.status))
        else:
            outside.saw(mine.note(9) + lines)
            statuses.append(200)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(statuses) == [200] + [409] * 7
