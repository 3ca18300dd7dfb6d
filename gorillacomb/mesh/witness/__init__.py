"""A witness (C2SP tlog-witness): cosigns checkpoints of others' logs, never two trees of one size.

`protocol` decides from a request and what was cosigned before; `state` keeps that in two places;
`identity` has the keys, `logs` the logs that are trusted; `service` puts them together.
"""
