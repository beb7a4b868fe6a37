"""How nothing is lost: state in memory whose truth is a changelog on Kafka, one transaction a checkpoint.

Knows offsets, epochs and tables; knows no customer, and nothing of what the records say.
"""
