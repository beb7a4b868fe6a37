"""`oidor rebuild`: KPI minutes that have left memory, counted anew from the stored events."""
