"""`oidor whatif`: the past under other promises, beside what was. It writes nothing and needs no Kafka."""
