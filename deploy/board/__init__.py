"""`oidor board`: the live page of an installation, a process of its own.

Any number of them run side by side, for they change nothing: each reads all of `feedback-incidents`, without a group,
and asks the workers what they know. The database is asked for the page of a case alone, by a function handed in.
"""
