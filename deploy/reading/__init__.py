"""Reading: answers from what is stored, by the same rules that decided it the first time.

It reads the database with what the feedback world decides. How streams are read, and who asks, it does not know.
"""
