"""A made-up macOS on Linux, for processes that are started with it: no Mac, but near to one.

`sitecustomize.py` installs it where ``FAKE_DARWIN`` names a file with its `configuration.Machine`.
It takes away what CPython lacks on macOS, hides what only Linux has, answers for macOS' C library,
and gives files the device numbers, flags, attributes and spellings of the volumes that a test made
up. What it says of macOS is from XNU's headers and CPython's sources; none of it ran on a Mac.
"""
