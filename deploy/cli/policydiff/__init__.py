"""What changes for whom between two sets of packs and calendars: `oidor policies diff`.

Both are asked for every sort of case that either tells apart, in the order of their rules: no example decides.
"""
