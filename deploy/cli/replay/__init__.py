"""`oidor replay`: the same history once more, beside the live one, and whether it shows the same."""
