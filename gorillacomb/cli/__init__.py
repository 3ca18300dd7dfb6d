"""The command line: one module per command parses, calls the API and prints. Nothing else
prints.
"""
