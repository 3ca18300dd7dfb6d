"""The mesh: nodes that witness each other's logs, in C2SP's protocol (tlog-witness)."""
