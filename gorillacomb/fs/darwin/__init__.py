"""Code that applies to macOS only. None of it has run on a Mac yet: tests run on a made-up one."""
