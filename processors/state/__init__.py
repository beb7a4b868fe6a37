"""Everything that one partition knows: the one mutable thing, bounded, and written as tables of keyed entries.

Knows no pattern and no step; it keeps what they decide, and says what changed since the last checkpoint.
"""
