"""Write what a front end has made to a file of the user."""

from gorillacomb.fs.output_file import check_output, write_file

__all__ = ["check_output", "write_file"]
