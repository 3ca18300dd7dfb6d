"""`python -m gorillacomb`."""

from gorillacomb.cli.main import main

if __name__ == "__main__":
    main()
