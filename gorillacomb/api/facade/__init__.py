"""The front door for Python programs: every use case as a method of an open vault.

Each method says what it takes, returns and raises: here and nowhere else. The other modules of
`api` carry the use cases out.
"""
