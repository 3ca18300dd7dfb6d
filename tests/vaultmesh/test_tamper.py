"""Every kind of edit of a trace is caught, and the first bad entry named wherever it can be.

The ledger has 2,000 entries, nine checkpoints and a key that was changed. An edit is made in a
transaction, audited and taken back, so that thousands of them can be tried; one of each kind is
also shown to the command line.
"""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb.cli.main import cli
from gorillacomb.errors import GorillaCombError, VaultError, VaultRolledBack
from gorillacomb.vaultmesh import jcs, merkle
from gorillacomb.vaultmesh.audit import AuditReport, audit
from gorillacomb.vaultmesh.chain import read_chained
from gorillacomb.vaultmesh.create import create_log
from tests.support.run import environment, run
from tests.support.trees import make_tree, settle
from tests.vaultmesh.ledgers import (
    BATCHES,
    ROTATED,
    SIZE,
    WEEK,
    Attack,
    World,
    body,
    dump,
    entry_at,
    grow,
    make_world,
    name_key,
    put,
    rechain,
    renumbered,
    shift,
    stranger,
    vouched_below,
)

TRIED = 0
"""How many edits were tried; the last test tells."""


@pytest.fixture(scope="module", autouse=True)
def entries_are_read_once() -> Iterator[None]:
    """Have thousands of audits parse an entry and hash a node once: both depend on nothing else."""
    read = functools.lru_cache(maxsize=1 << 15, typed=True)(read_chained)
    node_hash = functools.lru_cache(maxsize=1 << 15)(merkle.node_hash)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gorillacomb.vaultmesh.audit.read_chained", read)
        patch.setattr(merkle, "node_hash", node_hash)
        yield


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The sound ledger, which no test changes."""
    world = make_world(tmp_path_factory.mktemp("tamper") / "home")
    with world.read() as ledger:
        assert audit(ledger) == AuditReport(SIZE, ledger.root(), anchor="consistent")
        assert [size for size, _ in ledger.tables.checkpoints()] == list(BATCHES)
    return world


@pytest.fixture(scope="module")
def bench(sound: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A copy of it on which edits are tried, each in a transaction."""
    world = sound.copy(tmp_path_factory.mktemp("bench") / "home")
    connection = world.edit()
    connection.execute("PRAGMA journal_mode = MEMORY")
    yield Bench(world, connection)
    connection.close()


@dataclass(frozen=True)
class Bench:
    world: World
    connection: sqlite3.Connection

    def tried(self, attack: Attack) -> AuditReport:
        """What an audit says after an edit, which is then taken back."""
        global TRIED
        TRIED += 1
        self.connection.execute("BEGIN")
        try:
            attack(self.connection)
            return audit(self.world.ledger_on(self.connection))
        finally:
            self.connection.execute("ROLLBACK")


# Single entries.


def flipped(seq: int, bit: int) -> Attack:
    """Flip a bit of an entry, counted modulo its length."""

    def attack(connection: sqlite3.Connection) -> None:
        entry = bytearray(entry_at(connection, seq))
        entry[bit // 8 % len(entry)] ^= 1 << bit % 8
        put(connection, seq, bytes(entry))

    return attack


def assert_named(found: AuditReport, seq: int) -> None:
    """The bad entry is named; for the last one, which no other names, the first of its block."""
    if seq == SIZE - 1:
        assert found.first_bad in (seq, BATCHES[-2])
    else:
        assert found.first_bad == seq


def test_a_bit_of_every_entry(bench: Bench) -> None:
    bits = random.Random(3)
    for seq in range(SIZE):
        assert_named(bench.tried(flipped(seq, bits.randrange(1 << 16))), seq)


@pytest.mark.parametrize("seq", [0, 1, ROTATED, ROTATED + 1, 1304, SIZE - 1])
def test_every_bit_of_some_entries(bench: Bench, seq: int) -> None:
    length = len(entry_at(bench.connection, seq))
    for bit in range(seq % 29, 8 * length, 29):
        assert_named(bench.tried(flipped(seq, bit)), seq)


@given(st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, 1 << 16)), min_size=10))
def test_any_bit_of_any_entry(bench: Bench, pairs: list[tuple[int, int]]) -> None:
    for seq, bit in pairs[:20]:
        assert_named(bench.tried(flipped(seq, bit)), seq)


@given(st.sets(st.tuples(st.integers(0, SIZE - 1), st.integers(0, 1 << 16)), min_size=2))
def test_several_bits(bench: Bench, pairs: set[tuple[int, int]]) -> None:
    """What is named is never behind the first bad entry, and at most a block before it."""

    def attack(connection: sqlite3.Connection) -> None:
        for seq, bit in pairs:
            flipped(seq, bit)(connection)
        if all(entry_at(connection, seq) == before[seq] for seq in before):
            flipped(first, 0)(connection)  # they had taken each other back

    before = {seq: entry_at(bench.connection, seq) for seq, _ in pairs}
    first = min(before)
    found = bench.tried(attack)
    changed = min(before) if found.first_bad is None else found.first_bad
    assert not found.ok
    assert found.first_bad is not None
    assert first - 8 < changed or changed in before


FIELDS = st.sampled_from(
    ["v", "prev", "event", "time_ns", "scan", "root", "path", "size", "mtime_ns", "blake3"]
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=9), st.lists(st.integers(0, 9))
)


@given(st.integers(0, SIZE - 1), FIELDS, VALUES)
def test_any_field_of_any_entry(bench: Bench, seq: int, name: str, value: object) -> None:
    """Entries that are canonical JSON with their number all the same."""
    old = jcs.parse_own(entry_at(bench.connection, seq))
    if old.get(name) == value:
        return
    new = jcs.canonical_json({**old, name: value})
    assert_named(bench.tried(lambda connection: put(connection, seq, new)), seq)


@pytest.mark.parametrize(
    "junk",
    [b"", b"null", b"[]", b"{}", b"{" * 5000, b"[" * 1022 + b"]" * 1022, b"\xff", "text", 7, 7.5],
)
@pytest.mark.parametrize("seq", [0, 5, ROTATED, 1007, 1008, SIZE - 1])
def test_what_is_no_entry(bench: Bench, seq: int, junk: object) -> None:
    assert bench.tried(lambda connection: put(connection, seq, junk)).first_bad == seq


def test_an_entry_as_text(bench: Bench) -> None:
    def attack(connection: sqlite3.Connection) -> None:
        put(connection, 77, entry_at(connection, 77).decode())

    assert bench.tried(attack).first_bad == 77


# Entries that go, come or change places. Rows are renumbered, or the entries themselves too.

PLACES = [0, 1, 2, 6, 7, 8, 9, 300, 1000, 1001, ROTATED, 1003, 1007, 1008, 1991, 1992, 1998, 1999]


def dropped(seq: int, mend: bool | None) -> Attack:
    def attack(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM entries WHERE seq = ?", (seq,))
        if mend is not None:
            shift(connection, seq + 1, -1, mend)

    return attack


@pytest.mark.parametrize("mend", [None, False, True])
@pytest.mark.parametrize("seq", PLACES)
def test_an_entry_dropped(bench: Bench, seq: int, mend: bool | None) -> None:
    assert bench.tried(dropped(seq, mend)).first_bad == seq


@given(st.integers(0, SIZE - 1), st.sampled_from([None, False, True]))
def test_any_entry_dropped(bench: Bench, seq: int, mend: bool | None) -> None:
    assert bench.tried(dropped(seq, mend)).first_bad == seq


def swapped(one: int, other: int, mend: bool) -> Attack:
    def attack(connection: sqlite3.Connection) -> None:
        first, second = entry_at(connection, one), entry_at(connection, other)
        put(connection, one, renumbered(second, one) if mend else second)
        put(connection, other, renumbered(first, other) if mend else first)

    return attack


@given(st.sets(st.integers(0, SIZE - 1), min_size=2, max_size=2), st.booleans())
def test_any_two_entries_swapped(bench: Bench, pair: set[int], mend: bool) -> None:
    one, other = sorted(pair)
    assert bench.tried(swapped(one, other, mend)).first_bad == one


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize("seq", PLACES[:-1])
def test_neighbours_swapped(bench: Bench, seq: int, mend: bool) -> None:
    assert bench.tried(swapped(seq, seq + 1, mend)).first_bad == seq


def inserted(seq: int, mend: bool, prev: str | None, source: int) -> Attack:
    """Insert a copy of an entry, which names the one before it, or something else, as such."""

    def attack(connection: sqlite3.Connection) -> None:
        before = merkle.leaf_hash(entry_at(connection, seq - 1)).hex() if seq else "0" * 64
        fields = {**jcs.parse_own(entry_at(connection, source)), "seq": seq, "prev": prev or before}
        shift(connection, seq, 1, mend)
        connection.execute("INSERT INTO entries VALUES (?, ?)", (seq, jcs.canonical_json(fields)))

    return attack


@pytest.mark.parametrize("mend", [False, True])
@pytest.mark.parametrize("prev", [None, "ab" * 32])
@pytest.mark.parametrize("seq", PLACES[1:])
def test_an_entry_inserted(bench: Bench, seq: int, prev: str | None, mend: bool) -> None:
    assert bench.tried(inserted(seq, mend, prev, 5)).first_bad == seq


@given(st.integers(1, SIZE - 1), st.booleans(), st.integers(1, SIZE - 1))
def test_any_entry_duplicated(bench: Bench, seq: int, mend: bool, source: int) -> None:
    """Beside itself the copy is the entry that belongs there, and what it pushed away is not."""
    found = bench.tried(inserted(seq, mend, None, source))
    assert found.first_bad == (seq if source != seq else seq + 1)


def test_an_entry_appended(bench: Bench) -> None:
    def attack(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO entries VALUES (?, ?)", (SIZE, entry_at(connection, 9)))

    assert bench.tried(attack).first_bad == SIZE

    def chained(connection: sqlite3.Connection) -> None:
        attack(connection)
        rechain(connection, SIZE, mend=True)

    assert bench.tried(chained).first_bad == SIZE
    before = bench.tried(
        lambda connection: connection.execute(
            "INSERT INTO entries VALUES (-1, ?)", (entry_at(connection, 9),)
        )
    )
    assert before.first_bad == -1


@given(st.integers(0, SIZE - 1), st.integers(-SIZE, 2 * SIZE))
def test_only_the_number_of_a_row_changed(bench: Bench, seq: int, to: int) -> None:
    if 0 <= to < SIZE:
        return  # another one stands there
    found = bench.tried(
        lambda connection: connection.execute("UPDATE entries SET seq = ? WHERE seq = ?", (to, seq))
    )
    # The last one, moved on, leaves a gap where it stood, as any other does.
    assert found.first_bad == (to if to < 0 else seq)


# The tail.


def cut(size: int, checkpoints: bool, subtrees: bool) -> Attack:
    def attack(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM entries WHERE seq >= ?", (size,))
        connection.execute("DELETE FROM keys WHERE seq >= ?", (size,))
        if checkpoints:
            connection.execute("DELETE FROM checkpoints WHERE size > ?", (size,))
        if subtrees:
            grow(connection)

    return attack


@pytest.mark.parametrize("checkpoints", [False, True])
@pytest.mark.parametrize("subtrees", [False, True])
@pytest.mark.parametrize("size", [1, 2, 8, 300, 700, WEEK, 1001, 1002, 1003, 1500, 1992, 1999])
def test_the_tail_cut(bench: Bench, size: int, checkpoints: bool, subtrees: bool) -> None:
    assert bench.tried(cut(size, checkpoints, subtrees)).first_bad == size


@given(st.integers(1, SIZE - 1), st.booleans(), st.booleans())
def test_any_tail_cut(bench: Bench, size: int, checkpoints: bool, subtrees: bool) -> None:
    assert bench.tried(cut(size, checkpoints, subtrees)).first_bad == size


def test_all_of_it_cut(bench: Bench) -> None:
    assert bench.tried(cut(0, True, True)).first_bad == 0


def test_the_tail_cut_without_an_anchor(sound: World, tmp_path: Path) -> None:
    """Another machine has no anchor: then a checkpoint that was kept tells."""
    world = sound.copy(tmp_path / "home")
    kept = world.anchor.read_bytes()
    world.anchor.unlink()
    with world.edit() as connection:
        cut(1500, True, True)(connection)
    with world.read() as ledger:
        assert audit(ledger).ok  # nothing here knows of more
        assert audit(ledger, kept).first_bad == 1500
    with world.edit() as connection:
        cut(1400, True, True)(connection)
    with world.read() as ledger:
        assert audit(ledger).first_bad == vouched_below(1400)


# Forgers who make the chain whole again, but have no key of ours.


def forged(start: int, mend: bool, signed: bool) -> Attack:
    def attack(connection: sqlite3.Connection) -> None:
        fields = jcs.parse_own(entry_at(connection, start))
        put(connection, start, jcs.canonical_json({**fields, "time_ns": "5"}))
        rechain(connection, start, mend, stranger() if signed else None)

    return attack


@given(st.integers(0, SIZE - 1), st.booleans(), st.booleans())
def test_the_chain_made_anew(bench: Bench, start: int, mend: bool, signed: bool) -> None:
    """Named is the first entry that no valid signature vouches for."""
    found = bench.tried(forged(start, mend, signed)).first_bad
    last_block = start >= SIZE // 8 * 8
    if mend or last_block:
        assert found == vouched_below(start)
    else:
        assert found == max(vouched_below(start), start // 8 * 8)


@pytest.mark.parametrize("mend", [False, True])
def test_the_chain_made_anew_up_to_some_entry(bench: Bench, mend: bool) -> None:
    def attack(connection: sqlite3.Connection) -> None:
        behind = connection.execute("SELECT seq, entry FROM entries WHERE seq > 1210").fetchall()
        forged(1200, mend, False)(connection)
        for seq, entry in behind:
            put(connection, seq, entry)
        if mend:
            grow(connection)

    found = bench.tried(attack).first_bad
    assert found is not None
    assert found <= 1200 or mend


def keyed(seq: int) -> Attack:
    """Name another key, and sign with it all that comes after."""

    def attack(connection: sqlite3.Connection) -> None:
        key = stranger()
        name_key(connection, seq, key)
        rechain(connection, seq, mend=True, sign=key)

    return attack


def test_another_key_named(bench: Bench) -> None:
    assert bench.tried(keyed(0)).first_bad == 0
    assert bench.tried(keyed(ROTATED)).first_bad == ROTATED


def test_another_key_appended(bench: Bench) -> None:
    """A forger's own rotation, signed by him."""

    def attack(connection: sqlite3.Connection) -> None:
        key = stranger()
        fields = jcs.parse_own(entry_at(connection, 1600)) | {"event": "rotate-key", "key": ""}
        put(connection, 1600, jcs.canonical_json(fields))
        name_key(connection, 1600, key)
        connection.execute("INSERT INTO keys VALUES (1600)")
        rechain(connection, 1600, mend=True, sign=key)

    assert bench.tried(attack).first_bad == 1500


def test_a_key_that_was_changed_signs_no_more(sound: World, tmp_path: Path) -> None:
    """Whoever stole the first key after it was changed can forge nothing later than that."""
    world = sound.copy(tmp_path / "home")
    with world.read() as ledger:
        stolen = world.keys.find(ledger.public_keys()[0])
    with world.edit() as connection:
        put(
            connection,
            1700,
            jcs.canonical_json({**jcs.parse_own(entry_at(connection, 1700)), "size": 1}),
        )
        rechain(connection, 1700, mend=True, sign=stolen)
        note = connection.execute("SELECT note FROM checkpoints WHERE size = 2000").fetchone()[0]
    world.anchor.write_bytes(note)
    with world.read() as ledger:
        found = audit(ledger)
    assert found.first_bad == 1500
    assert found.reason is not None
    assert "not signed by the key that the trace had then" in found.reason
    with pytest.raises(VaultRolledBack), world.write() as ledger:
        ledger.append([body(SIZE)])


# All that is not an entry.


def test_any_bit_of_a_checkpoint(bench: Bench) -> None:
    for size, note in bench.connection.execute("SELECT size, note FROM checkpoints").fetchall():
        for place in range(size % 13, len(note), 13):
            bad = bytearray(note)
            bad[place] ^= 1 << place % 8
            found = bench.tried(
                lambda connection, size=size, bad=bad: connection.execute(  # type: ignore[misc]
                    "UPDATE checkpoints SET note = ? WHERE size = ?", (bytes(bad), size)
                )
            )
            assert not found.ok, (size, place)
            assert found.first_bad is None, (size, place)  # the anchor vouches for all entries


def test_any_byte_of_the_anchor(sound: World, tmp_path: Path) -> None:
    global TRIED
    world = sound.copy(tmp_path / "home")
    good = world.anchor.read_bytes()
    with world.read() as ledger:  # read anew each time, as another command would
        for place in range(0, len(good), 3):
            bad = bytearray(good)
            bad[place] ^= 1 << place % 8
            world.anchor.write_bytes(bytes(bad))
            ledger._anchored = []
            assert not audit(ledger).ok, place
            TRIED += 1
    for junk in (b"", b"\n", good[:-1], good + good, b"\xff" * 99, bytes(2 << 20)):
        world.anchor.write_bytes(junk)
        with world.read() as ledger:
            assert not audit(ledger).ok
        with pytest.raises(VaultError), world.write() as ledger:
            ledger.append([body(SIZE)])
    world.anchor.unlink()
    world.anchors.folder.joinpath(world_log(world)).mkdir()
    with world.read() as ledger:
        assert not audit(ledger).ok


def world_log(world: World) -> str:
    with world.read() as ledger:
        return ledger.log


@pytest.mark.parametrize("size", BATCHES)
def test_a_checkpoint_swapped(bench: Bench, size: int) -> None:
    for other in BATCHES:
        if other != size:
            found = bench.tried(
                lambda connection, other=other: connection.execute(  # type: ignore[misc]
                    "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = ?)"
                    " WHERE size = ?",
                    (other, size),
                )
            )
            assert not found.ok
            assert found.first_bad is None


def test_the_checkpoint_of_another_log(sound: World, bench: Bench, tmp_path: Path) -> None:
    """By the same keys, too."""
    other = World(tmp_path / "home")
    other.vault.mkdir(parents=True)
    shutil.copytree(sound.keys.folder, other.keys.folder)
    create_log(other.trace, other.keys, other.anchors)
    with other.write() as ledger:
        ledger.append(body(seq) for seq in range(1, SIZE))
        note = ledger.checkpoint()
    found = bench.tried(
        lambda connection: connection.execute(
            "UPDATE checkpoints SET note = ? WHERE size = ?", (note, SIZE)
        )
    )
    assert found.reason is not None
    assert "another log" in found.reason
    with sound.read() as ledger:
        found = audit(ledger, kept=note)
    assert found.reason is not None
    assert "another log" in found.reason


TABLES = {
    "a checkpoint": "DELETE FROM checkpoints WHERE size = 2000",
    "the handover": "DELETE FROM checkpoints WHERE size = 1003",
    "all checkpoints": "DELETE FROM checkpoints",
    "a checkpoint as text": "UPDATE checkpoints SET note = CAST(note AS TEXT) WHERE size = 300",
    "a checkpoint as a number": "UPDATE checkpoints SET note = 5 WHERE size = 2000",
    "a checkpoint over nothing": "INSERT INTO checkpoints VALUES (0, x'')",
    "a checkpoint too many": "INSERT INTO checkpoints SELECT 5000, note FROM checkpoints LIMIT 1",
    "a hash": "UPDATE subtrees SET hash = zeroblob(32) WHERE level = 3 AND place = 7",
    "a high hash": "UPDATE subtrees SET hash = zeroblob(32) WHERE level = 10",
    "a short hash": "UPDATE subtrees SET hash = x'00' WHERE level = 10",
    "a hash as text": "UPDATE subtrees SET hash = 'no hash' WHERE level = 3 AND place = 249",
    "a hash too few": "DELETE FROM subtrees WHERE level = 5 AND place = 3",
    "a hash too many": "INSERT INTO subtrees VALUES (3, 250, zeroblob(32))",
    "a low hash": "INSERT INTO subtrees VALUES (0, 0, zeroblob(32))",
    "a hash at a strange place": "INSERT INTO subtrees VALUES ('x', -1, zeroblob(32))",
    "all hashes": "DELETE FROM subtrees",
    "a key too few": f"DELETE FROM keys WHERE seq = {ROTATED}",
    "a key too many": "INSERT INTO keys VALUES (7)",
    "a key of no entry": "INSERT INTO keys VALUES (7000)",
    "no keys": "DELETE FROM keys",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM keys; END",
    "a view": "CREATE VIEW v AS SELECT 1",
    "a table": "CREATE TABLE more (x)",
    "an index": "CREATE INDEX i ON entries (entry)",
    "a column": "ALTER TABLE entries ADD COLUMN x",
    "no table": "DROP TABLE keys",
    "another table": "ALTER TABLE checkpoints RENAME TO others",
}


@pytest.mark.parametrize("kind", TABLES)
def test_what_stands_beside_the_entries(bench: Bench, kind: str) -> None:
    found = bench.tried(lambda connection: connection.execute(TABLES[kind]))
    assert not found.ok
    assert found.first_bad is None


def test_the_handover_without_the_old_signature(bench: Bench) -> None:
    def attack(connection: sqlite3.Connection) -> None:
        [(note,)] = connection.execute("SELECT note FROM checkpoints WHERE size = 1003").fetchall()
        *text, _, new = note.split(b"\n")[:-1]
        connection.execute(
            "UPDATE checkpoints SET note = ? WHERE size = 1003",
            (b"\n".join([*text, new, b""]),),
        )

    found = bench.tried(attack)
    assert found.reason is not None
    assert "was not signed by the one before" in found.reason


@pytest.mark.parametrize("version", [0, 2, -1])
def test_another_version(sound: World, tmp_path: Path, version: int) -> None:
    world = sound.copy(tmp_path / "home")
    with world.edit() as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    for opened in (world.read, world.write):
        with pytest.raises(VaultError), opened() as ledger:
            assert not audit(ledger).ok
            raise VaultRolledBack("the audit saw it")


# The whole vault.


def put_back(world: World) -> None:
    shutil.copy(world.home / "last week/trace.db", world.trace)


def test_last_week_put_back(sound: World, tmp_path: Path) -> None:
    world = sound.copy(tmp_path / "home")
    put_back(world)
    with world.read() as ledger:
        assert audit(ledger).first_bad == WEEK
    with pytest.raises(VaultRolledBack), world.write() as ledger:
        ledger.append([body(WEEK)])
    with pytest.raises(VaultRolledBack), world.write() as ledger:
        ledger.rotate_key()


def test_last_week_put_back_under_the_log_of_today(sound: World, tmp_path: Path) -> None:
    """A clumsy restore: trace.db is copied back, its write-ahead log stays."""
    world = sound.copy(tmp_path / "home")
    script = (
        "import os, sys; from pathlib import Path; from tests.vaultmesh.ledgers import World, body;"
        "World(Path(sys.argv[1])).write().append(map(body, range(2000, 2100))); os._exit(0)"
    )
    ran = run(words=[os.fsencode(word) for word in (sys.executable, "-c", script, world.home)])
    assert ran.code == 0
    assert world.trace.with_name("trace.db-wal").stat().st_size
    put_back(world)
    assert is_noticed(world)
    ran = run("trace", "verify", env=home_of(world))
    assert ran.code in (1, 4)
    assert run("trace", "adopt", env=home_of(world)).code == 0
    assert run("trace", "verify", env=home_of(world)).code == 0


@pytest.mark.parametrize("first", [0, 1])
def test_a_fork(sound: World, tmp_path: Path, first: int) -> None:
    """Two copies of a vault go on apart: the second one to append is refused."""
    world = sound.copy(tmp_path / "home")
    shutil.copytree(world.vault, world.home / "copy")
    traces = [world.trace, world.home / "copy/trace.db"]
    one, other = traces[first], traces[1 - first]
    with type(world.write()).write(one, world.keys, world.anchors) as ledger:
        ledger.append([body(SIZE)])
    with type(ledger).read(other, world.keys, world.anchors) as second:
        assert audit(second).first_bad == SIZE
    with type(ledger).write(other, world.keys, world.anchors) as second:
        for _ in range(2):
            with pytest.raises(VaultRolledBack):
                second.append([body(SIZE + 1), body(SIZE + 2)])
        assert second.size == SIZE
    with type(ledger).read(one, world.keys, world.anchors) as again:
        assert audit(again).ok


def test_a_fork_that_was_anchored(sound: World, tmp_path: Path) -> None:
    """Both copies were open at once, so both appended: the next writer is refused."""
    world = sound.copy(tmp_path / "home")
    shutil.copytree(world.vault, world.home / "copy")
    with world.write() as one:
        one.check_head()
        with type(one).write(world.home / "copy/trace.db", world.keys, world.anchors) as other:
            other.check_head()
            one.append([body(SIZE)])
            other.append([body(SIZE + 5), body(SIZE + 6)])
    with world.read() as ledger:
        assert audit(ledger).first_bad == SIZE + 1
    with pytest.raises(VaultRolledBack), world.write() as ledger:
        ledger.append([body(SIZE)])


@pytest.mark.parametrize("size", [SIZE, SIZE - 1])
def test_the_next_writer_looks_at_the_entry_that_it_builds_on(
    sound: World, tmp_path: Path, size: int
) -> None:
    world = sound.copy(tmp_path / "home")
    if size < SIZE:  # so that it is in no whole block
        with world.write() as ledger:
            ledger.append([body(SIZE)])
    with world.edit() as connection:
        last = connection.execute("SELECT max(seq) FROM entries").fetchone()[0]
        put(
            connection,
            last,
            jcs.canonical_json({**jcs.parse_own(entry_at(connection, last)), "size": 1}),
        )
    with pytest.raises(VaultRolledBack), world.write() as ledger:
        ledger.append([body(SIZE)])


# The file, byte by byte.


def test_any_byte_of_the_file(sound: World, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Either it is noticed, or the trace says what it said."""
    global TRIED
    world = sound.copy(tmp_path / "home")
    good, said = world.trace.read_bytes(), dump(world.trace)
    deep = settings.default is not None and settings.default.max_examples > 1000
    bytes_at = random.Random(11)
    places = [*range(0, 100, 1 if deep else 3)]
    page = 8192
    for _ in range(20_000 if deep else 250):
        at = bytes_at.randrange(len(good))
        # Half of them where a page keeps its books.
        places.append(at if bytes_at.random() < 0.5 else at // page * page + at % 40)
    descriptor = os.open(world.trace, os.O_WRONLY)
    try:
        for place in places:
            value = good[place] ^ bytes_at.randrange(1, 256)
            os.pwrite(descriptor, bytes([value]), place)
            assert is_noticed(world) or said == dump(world.trace), (place, value)
            os.pwrite(descriptor, good[place : place + 1], place)
            for end in ("-wal", "-shm"):
                world.trace.with_name(f"trace.db{end}").unlink(missing_ok=True)
            TRIED += 1
    finally:
        os.close(descriptor)
    assert world.trace.read_bytes() == good


def is_noticed(world: World) -> bool:
    try:
        with world.read() as ledger:
            return not audit(ledger).ok
    except GorillaCombError:
        return True


@pytest.mark.parametrize("size", [0, 1, 99, 100, 8191, 8192, 8193, 100_000, -8192, -1])
def test_the_file_cut_short(sound: World, tmp_path: Path, size: int) -> None:
    world = sound.copy(tmp_path / "home")
    good = world.trace.read_bytes()
    world.trace.write_bytes(good[:size])
    assert is_noticed(world)
    assert run("trace", "verify", env=home_of(world)).code in (1, 4)
    assert world.trace.read_bytes() == good[:size]


# The command line.


def home_of(world: World) -> dict[str, str]:
    return environment(world.vault, HOME=str(world.home))


KINDS: dict[str, tuple[Attack, int | None]] = {
    "bit": (flipped(1234, 99), 1234),
    "bit of the genesis": (flipped(0, 40), 0),
    "bit of a key": (flipped(ROTATED, 700), ROTATED),
    "no entry": (lambda connection: put(connection, 9, b"[" * 1022 + b"]" * 1022), 9),
    "text": (lambda connection: put(connection, 9, "text"), 9),
    "drop": (dropped(1234, None), 1234),
    "drop, renumbered": (dropped(1234, True), 1234),
    "swap": (swapped(1234, 1300, False), 1234),
    "swap, renumbered": (swapped(1234, 1235, True), 1234),
    "insert": (inserted(1234, False, None, 5), 1234),
    "insert, renumbered": (inserted(1234, True, None, 5), 1234),
    "below zero": (
        lambda connection: connection.execute("INSERT INTO entries VALUES (-5, x'00')"),
        -5,
    ),
    "row": (
        lambda connection: connection.execute("UPDATE entries SET seq = 5000 WHERE seq = 1234"),
        1234,
    ),
    "cut": (cut(1234, False, False), 1234),
    "cut with all that belongs to it": (cut(1234, True, True), 1234),
    "cut to nothing": (cut(0, True, True), 0),
    "chain anew": (forged(1234, False, False), 1232),
    "chain and tree anew": (forged(1234, True, False), 1003),
    "chain, tree and checkpoints anew": (forged(1234, True, True), 1003),
    "another key": (keyed(0), 0),
    "another key later": (keyed(ROTATED), ROTATED),
    **{
        kind: (lambda connection, kind=kind: connection.execute(TABLES[kind]), None)  # type: ignore[misc]
        for kind in (
            "a checkpoint",
            "a checkpoint as text",
            "all hashes",
            "a hash as text",
            "no keys",
            "a key of no entry",
            "a trigger",
            "no table",
        )
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_trace_verify(
    sound: World, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each kind: exit code 1 or 4, and the entry by its number; no traceback anywhere."""
    attack, first = KINDS[kind]
    world = sound.copy(tmp_path / "home")
    connection = world.edit()
    attack(connection)
    connection.close()
    monkeypatch.setenv("HOME", str(world.home))
    words = ["trace", "verify", "--json", "--vault", str(world.vault)]
    ran = CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False)
    assert ran.return_value == 1
    said = json.loads(ran.stdout)
    assert (said["ok"], said["first_bad"]) == (False, first)
    assert said["reason"]


@pytest.mark.parametrize("kind", ["bit of the genesis", "no entry", "drop", "no table"])
def test_other_commands_on_a_forged_trace(sound: World, tmp_path: Path, kind: str) -> None:
    world = sound.copy(tmp_path / "home")
    connection = world.edit()
    KINDS[kind][0](connection)
    connection.close()
    top = make_tree(tmp_path / "top", {"a": "1"})
    for arguments in (
        ("trace", "log", "-n", "0"),
        ("trace", "checkpoint"),
        ("trace", "export", str(tmp_path / "export")),
        ("keys", "show"),
        ("keys", "rotate"),
        ("vault", "check"),
        ("scan", str(top)),
        ("trace", "adopt"),
        ("scan", str(top)),
        ("trace", "verify"),
    ):
        ran = run(*arguments, env=home_of(world))
        assert ran.code in (0, 1, 4), (arguments, ran)
        if arguments in (("trace", "adopt"), ("trace", "verify")):
            assert ran.code == 0, (arguments, ran)
    assert run("trace", "verify", env=home_of(world)).code == 0


def test_a_fork_by_scanning(tmp_path: Path) -> None:
    """A vault is copied, both go on: the second one's scan ends with 4, and says what to do."""
    world = World(tmp_path / "home")
    world.home.mkdir()
    top = make_tree(tmp_path / "top", {"a": "1", "b": "2"})
    settle(top)
    copy = world.home / "copy"
    assert run("scan", top, env=home_of(world)).code == 0
    shutil.copytree(world.vault, copy)
    make_tree(top, {"c": "3"})
    settle(top)
    assert run("scan", top, env=home_of(world)).code == 0
    ran = run("scan", top, "--vault", copy, env=home_of(world))
    assert ran.code == 4
    assert "trace adopt" in ran.err
    ran = run("trace", "verify", "--json", "--vault", copy, env=home_of(world))
    assert (ran.code, ran.json()["first_bad"]) == (1, 4)
    assert run("trace", "verify", env=home_of(world)).code == 0


def test_how_many_were_tried(record_property: object) -> None:
    """The last test of the module; see the figure with `pytest -rP`."""
    assert callable(record_property)
    record_property("edits tried", TRIED)
    print(f"{TRIED:,} edits tried, none missed")
