"""Commands that find: scan, dupes, folders, compare, unique, explain."""
