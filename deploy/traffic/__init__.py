"""What a publisher sends: real logs as events, and made-up traffic by scenario, also the malformed.

Knows schemas only, as any publisher would.
"""
