"""Clocks, business time and promises: when a thing was due, and whether it was kept.

Pure arithmetic over moments; knows no case, no event and no wall clock.
Moments are milliseconds since the epoch, UTC; what is a duration says so, `_ms`.
"""
