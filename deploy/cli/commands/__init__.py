"""A module a command: `PANEL`, its heading in the help, and `command`, a function or a `Typer` of several.

`main` finds them. A module imports what does the work when it runs, for `oidor --help` must come at once.
"""
