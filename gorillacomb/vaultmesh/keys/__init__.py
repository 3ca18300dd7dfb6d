"""Sign and check: keys, signed notes, cosignatures."""
