"""Python imports this at its start, where this folder is on its path."""

import os

if "FAKE_DARWIN" in os.environ:
    from tests.darwin.fake.layer import install

    install(os.environ["FAKE_DARWIN"])
