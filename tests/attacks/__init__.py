"""What an adversary, a broken publisher or an operator's mistake does to Oidor, and what it should do.

The tests need no server and run with all others; a fault that is known is a strict expected failure, so that mending it
is noticed. Modules that are no tests are scripts: `python -m tests.attacks.NAME` starts servers, attacks for minutes,
prints what came and ends with 0 when Oidor held.
"""
