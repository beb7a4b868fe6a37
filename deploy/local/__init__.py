"""Servers for one machine without Docker: Apache Kafka and ClickHouse as child processes that never outlive us.

Imports nothing of ours; `stack` alone starts our own processes on them.
"""
