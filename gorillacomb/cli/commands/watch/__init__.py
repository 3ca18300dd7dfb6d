"""Commands that keep watch: watch, pulse, scrub."""
