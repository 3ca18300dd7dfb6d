"""Name the types that other modules of `api` import only when needed."""

from __future__ import annotations

from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun
from gorillacomb.manifest.envelope import SignatureCheck
from gorillacomb.manifest.model import OmittedPath
from gorillacomb.manifest.verify import PathDifference, RenamedPath, VerificationReport

__all__ = [
    "OmittedPath",
    "PathDifference",
    "QuarantinedRun",
    "RenamedPath",
    "SignatureCheck",
    "VerificationReport",
]
