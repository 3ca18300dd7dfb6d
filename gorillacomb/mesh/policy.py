"""Trust policies (C2SP tlog-policy): which logs are known, and whose cosignatures are enough."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from gorillacomb.vaultmesh.keys.cosign import COSIGNATURES, Cosignature, cosignatures
from gorillacomb.vaultmesh.keys.note import VerifierKey

_MOST_BYTES = 1 << 20
_MOST_NAMES = 1024
_NONE = "none"
_BAD = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_WHAT = "The policy"


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    """A rule that holds if at least ``least`` of its members do."""

    least: int
    members: tuple[str, ...]
    """Names of witnesses and of other groups."""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness that a policy names."""

    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What a policy says of a checkpoint that one of its logs signed."""

    checkpoint: Checkpoint
    cosigned: dict[str, Cosignature]
    """By the policy's name of the witness."""
    is_enough: bool
    """Whether they are a quorum."""


@dataclass(slots=True)
class TrustPolicy:
    """A parsed policy file."""

    logs: dict[VerifierKey, str | None] = field(default_factory=dict)
    """The keys of the known logs, with a URL where one is given."""
    witnesses: dict[str, PolicyWitness] = field(default_factory=dict)
    groups: dict[str, WitnessGroup] = field(default_factory=dict)
    quorum: str = ""
    """The name of a witness or a group, or ``none``."""

    def judge(self, checkpoint: bytes, what: str = "The checkpoint") -> PolicyVerdict:
        """Check who signed and cosigned a checkpoint, a signed note; ``what`` names it in errors.

        Raises UntrustedInput if none of the logs signed it, or a signature is not valid.
        """
        origin = parse_checkpoint(checkpoint, what)[0].origin
        publics = [key.public for key in self.logs if key.name == origin]
        if not publics:
            raise UntrustedInput(f"{what} is of the log {origin}, which the policy does not name.")
        found = verify_checkpoint(checkpoint, publics, what)
        by_key = {each.key: name for name, each in self.witnesses.items()}
        valid = {by_key[each.key]: each for each in cosignatures(checkpoint, by_key, what)}
        return PolicyVerdict(found, valid, self.is_quorum(valid.__contains__))

    def is_quorum(self, has_cosigned: Callable[[str], bool]) -> bool:
        """Return whether the witnesses that have cosigned are enough."""
        held: dict[str, bool] = {name: has_cosigned(name) for name in self.witnesses}
        for name, group in self.groups.items():  # each names only earlier ones
            held[name] = sum(held[member] for member in group.members) >= group.least
        return self.quorum == _NONE or held[self.quorum]


def parse_policy(data: bytes) -> TrustPolicy:
    """Read a policy file. Raises UntrustedInput that names the line."""
    if len(data) > _MOST_BYTES:
        raise UntrustedInput(f"{_WHAT} is refused: it is over a megabyte long.")
    if _BAD.search(data):
        raise UntrustedInput(f"{_WHAT} is refused: it has control characters.")
    found = TrustPolicy()
    members: set[str] = set()
    # Octets above ASCII are opaque: surrogates keep them apart.
    for number, line in enumerate(data.decode("ascii", "surrogateescape").split("\n"), 1):
        words = re.split("[ \t]+", line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            _add(found, words, members)
        except ValueError as error:
            raise UntrustedInput(f"{_WHAT} is refused: line {number}: {error}.") from None
        except UntrustedInput as error:
            raise UntrustedInput(f"{_WHAT} is refused: line {number}: {error.message}") from None
    if not found.quorum:
        raise UntrustedInput(f"{_WHAT} is refused: it has no quorum line.")
    return found


def _add(policy: TrustPolicy, words: list[str], members: set[str]) -> None:
    match words:
        case ["log", vkey, *url] if len(url) < 2:
            _add_log(policy, vkey, url)
        case ["witness", name, vkey, *url] if len(url) < 2:
            _add_witness(policy, name, vkey, url)
        case ["group", name, least, *names] if names:
            _add_group(policy, name, least, names, members)
        case ["quorum", name]:
            if policy.quorum:
                raise ValueError("a second quorum")
            if name != _NONE and not _is_known(policy, name):
                raise ValueError(f"the quorum {_shown(name)} is not defined before it")
            policy.quorum = name
        case _:
            raise ValueError(f"a line that begins with {_shown(words[0])} is not understood")


def _add_log(policy: TrustPolicy, vkey: str, url: list[str]) -> None:
    key = VerifierKey.parse(_utf8(vkey), "the key of a log")
    if any(each.public == key.public for each in policy.logs):
        raise ValueError("a second log has that key")
    policy.logs[key] = url[0] if url else None


def _add_witness(policy: TrustPolicy, name: str, vkey: str, url: list[str]) -> None:
    _check_free(policy, name)
    key = VerifierKey.parse(_utf8(vkey), f"the key of {_shown(name)}", COSIGNATURES)
    if any(each.key.public == key.public for each in policy.witnesses.values()):
        raise ValueError("a second witness has that key")
    policy.witnesses[name] = PolicyWitness(key, url[0] if url else None)


def _add_group(
    policy: TrustPolicy, name: str, least: str, names: list[str], members: set[str]
) -> None:
    _check_free(policy, name)
    for each in names:
        if not _is_known(policy, each):
            raise ValueError(f"the member {_shown(each)} is not defined before it")
        if each in members:
            raise ValueError(f"{_shown(each)} is a member twice")
        members.add(each)
    count = {"any": 1, "all": len(names)}.get(least)
    if count is None:
        count = int(least) if _NUMBER.fullmatch(least) else 0
    if not 1 <= count <= len(names):
        raise ValueError(f"{_shown(least)} is not a number of {len(names)} members, any or all")
    policy.groups[name] = WitnessGroup(count, tuple(names))


def _check_free(policy: TrustPolicy, name: str) -> None:
    if name == _NONE or _is_known(policy, name):
        raise ValueError(f"the name {_shown(name)} is taken")
    if len(policy.witnesses) + len(policy.groups) >= _MOST_NAMES:
        raise ValueError(f"there are over {_MOST_NAMES:,} names")


def _is_known(policy: TrustPolicy, name: str) -> bool:
    return name in policy.witnesses or name in policy.groups


def _utf8(word: str) -> str:
    try:
        return word.encode("ascii", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("a key is not UTF-8") from None


def _shown(word: str) -> str:
    return word.encode("ascii", "surrogateescape").decode("utf-8", "replace")[:80]
