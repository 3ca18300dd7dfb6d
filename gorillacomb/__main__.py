"""`python -m gorillacomb`, and what the command `gorillacomb` starts with."""

import signal

# Until the command has its own handlers, Ctrl-C ends it without a word about our imports.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from gorillacomb.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
