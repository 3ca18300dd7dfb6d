"""The command line: one module per command, which parses, calls the API and renders. Only it
prints.
"""
