"""What we tell Prometheus. Each process declares its families in a file of its own; `shared` are those of all.

A metric never stops anybody: one that raises is counted by name, and its figure is missing.
"""
