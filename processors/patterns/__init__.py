"""Failure patterns: a declaration each, and a pure function from what is known to the incidents that follow.

The same facts give the same incidents, in whatever order they came. Knows no state, no time but `now`.
"""
