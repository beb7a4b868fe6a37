"""What we tell the world: rows to ClickHouse, messages to Kafka, metrics to Prometheus.

Imports schemas only: whoever feeds a sink, it cannot ask back.
"""
