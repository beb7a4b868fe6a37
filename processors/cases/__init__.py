"""A case: its events in the order in which they happened, folded into what they amount to.

The same set of events gives the same case in any order of arrival. Knows no other case and no partition.
Moments are milliseconds since the epoch, UTC; what is a duration says so, `_ms`.
"""
