"""The front door for Python programs: every use case as a method of an open vault.

What comes in, goes out and is raised is said here, at the method. The modules of `api` implement
the use cases.
"""
