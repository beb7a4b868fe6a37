"""`oidor why`: one case told as a court would hear it, from what is stored.

Data first: a journal of values, which any language and any form only writes down. Its arithmetic walks the calendar
by itself and is held against the clocks of the fold and against `v_sla`. Of Kafka, and of who asks, it knows nothing.
"""
