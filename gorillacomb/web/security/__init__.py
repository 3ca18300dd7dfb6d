"""Who may ask what: hosts, sessions, where a request comes from, what a browser may do with it."""
