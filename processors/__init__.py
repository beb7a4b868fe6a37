"""What we decide. Two worlds that never import each other, and the processes above them that know both.

*Feedback* (pipeline, patterns, state, cases, sla, kpis, enrichment): what customers were promised, deterministic.
*Stream* (durability, runtime): how nothing is lost, whatever the records say.
"""
