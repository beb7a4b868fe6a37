"""KPI partials: what one minute adds up to by one value of a dimension, mergeable by adding.

Knows the declarations of `schemas.kpis`, and nothing of what is counted.
"""
