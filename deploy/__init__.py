"""Where it runs: commands, migrations, policies, servers for one machine, sample traffic.

May know everything; nobody but tests knows it.
"""
