"""What every process needs to run on Kafka: the Faust seam, status pages, the watchdog, an orderly end.

Knows no customer and no state.
"""
