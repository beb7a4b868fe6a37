"""The way of one record: decoded, deduplicated, enriched, folded into its case, and what follows from that emitted.

Deterministic: no Kafka, no wall clock, no I/O. `step` is the way in.
"""
