"""Write what a front end has made to a file of the user."""

from gorillacomb.fs.output_file import write_file

__all__ = ["write_file"]
