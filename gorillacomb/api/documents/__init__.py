"""The JSON documents of the program: one definition of each, as a `TypedDict`.

A module has the documents of one group of commands. The text after a key says what it means; the
topic ``json`` of the documentation is generated from it, and the tests check every command's real
output against these definitions.
"""

DOCUMENTS = {
    "compare --contents": "contents.CompareContentsDocument",
    "compare": "folders.CompareDocument",
    "dedupe --apply --dry-run": "dedupe.DryRunDocument",
    "dedupe --apply": "dedupe.RunDocument",
    "dedupe --empty-quarantine": "dedupe.RunDocument",
    "dedupe --history": "dedupe.HistoryDocument",
    "dedupe --plan -o": "plan.SavedPlanDocument",
    "dedupe --plan": "plan.PlanLine",
    "dedupe --undo": "dedupe.RunDocument",
    "dedupe -o": "plan.SavedPlanDocument",
    "dedupe": "plan.PlanDocument",
    "doctor": "upkeep.DoctorDocument",
    "drop": "contents.DropDocument",
    "dupes": "duplicates.DupesDocument",
    "explain": "explain.ExplainDocument",
    "export": "manifest.ExportDocument",
    "folders --empty": "plan.EmptyFoldersDocument",
    "folders": "folders.FoldersDocument",
    "keys init": "trace.KeyInitDocument",
    "keys rotate": "trace.KeyRotateDocument",
    "manifest": "manifest.ManifestDocument",
    "map": "contents.MapDocument",
    "mark clear": "marks.MarkChangeDocument",
    "mark intended": "marks.MarkChangeDocument",
    "mark keep": "marks.MarkChangeDocument",
    "mark list": "marks.MarksDocument",
    "mark not-duplicates": "marks.MarkChangeDocument",
    "mesh add": "mesh.nodes.MeshNodeDocument",
    "mesh check": "mesh.checks.MeshCheckDocument",
    "mesh dns": "mesh.checks.MeshDnsDocument",
    "mesh list": "mesh.nodes.MeshNodesDocument",
    "mesh policy": "mesh.nodes.MeshPolicyDocument",
    "mesh remove": "mesh.nodes.MeshRemovalDocument",
    "mesh sync": "mesh.nodes.MeshSyncDocument",
    "mesh witness init": "mesh.witness.WitnessKeysDocument",
    "mesh witness recover": "mesh.witness.WitnessRecoverDocument",
    "mesh witness show": "mesh.witness.WitnessDocument",
    "mesh witness trust": "mesh.witness.WitnessTrustDocument",
    "mesh witness untrust": "mesh.witness.WitnessTrustDocument",
    "overview": "overview.OverviewDocument",
    "pulse": "watch.PulseDocument",
    "roots": "status.RootsDocument",
    "roots forget": "status.ForgetDocument",
    "roots list": "status.RootsDocument",
    "roots name": "status.RootDocument",
    "scan": "scan.ScanDocument",
    "scrub --accept": "scrub.AcceptDocument",
    "scrub --repair": "scrub.RepairDocument",
    "scrub": "scrub.ScrubDocument",
    "status": "status.StatusDocument",
    "trace adopt": "trace.AdoptDocument",
    "trace log": "trace.TraceLogDocument",
    "trace show": "explain.TracedPathDocument",
    "trace verify --proof": "trace.ProofDocument",
    "trace verify": "trace.TraceVerifyDocument",
    "unique": "unique.UniqueDocument",
    "vault backup": "upkeep.VaultBackupDocument",
    "vault check": "upkeep.VaultCheckDocument",
    "vault remove": "upkeep.VaultRemovalDocument",
    "vault restore": "upkeep.VaultRestoreDocument",
    "verify": "manifest.VerifyDocument",
    "watch": "watch.WatchLine",
}
"""By command, or by command and an option that changes its document (``dedupe --history``): the
module here and the class of its ``--json`` document.
"""

JSON_LINES = frozenset({"dedupe --plan", "watch"})
"""Those that print one document per line (JSON Lines)."""
