"""`python -m gorillacomb`, and what the command `gorillacomb` starts with."""

import gc
import signal

# Until the command has its own handlers, Ctrl-C ends it without a word about our imports.
signal.signal(signal.SIGINT, signal.SIG_DFL)
# Modules stay: until the command is imported there is no garbage worth looking for.
gc.disable()

from gorillacomb.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
