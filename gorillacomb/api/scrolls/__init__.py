"""Scrolls: make one, say whether it may go out, verify one, revoke one."""
