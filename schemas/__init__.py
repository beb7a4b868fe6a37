"""What may flow: events in, rows, incidents and rejections out, and the closed vocabularies that both use.

Imports nothing of ours. A contract changes here first, together with its examples in `examples/`.
"""
