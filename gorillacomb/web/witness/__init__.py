"""The witness over HTTP (C2SP tlog-witness): an app of its own, on a listener of its own.

The protocol has no token and no cookie: what a request may do is decided by the signatures in it.
"""
