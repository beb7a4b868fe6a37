"""Records that nobody would send, and records built to be slow: what `step` makes of them, and at what cost."""
