"""Apache Kafka from Maven's jars and a bundled Java: one or three brokers that can be killed, paused and restarted."""
