"""`oidor try`: what becomes of a handful of events, without any server.

A ticket is a file of events with the rules they live under and what is expected; `tryout` is a pure function.
"""
