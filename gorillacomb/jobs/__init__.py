"""Jobs: commands of the program that run on their own, and are looked at from elsewhere.

A job is a child process that runs one command, with the locks, signals and exit codes that it has
on a terminal. Its state is a folder, so that it survives whatever started it: a browser's page, the
server, the login session.
"""
