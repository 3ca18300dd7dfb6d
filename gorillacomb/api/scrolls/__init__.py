"""Scrolls: make one, say whether it may be released, verify one, revoke one."""
