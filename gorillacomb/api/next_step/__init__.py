"""Which commands a report suggests: what a sensible person would do next.

Every report in text ends with them; documents do not have them. A command is suggested only if it
has something to do: no plan where nothing is duplicated, nothing to undo where nothing was done.
A module has the rules for one folder of commands.
"""
