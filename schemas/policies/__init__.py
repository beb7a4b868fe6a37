"""The YAML that an installation writes: SLA packs and calendars, read with the line of every mistake.

Knows what may be promised, not what became of a promise.
"""
