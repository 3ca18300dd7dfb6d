"""Commands for continuous monitoring: watch, pulse, scrub."""
