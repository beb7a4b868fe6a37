"""The events that publishers send, as frozen models: what a record must be, and why it is rejected.

Structure is strict, taxonomies are lenient. Knows no case, no clock and no Kafka.
"""
