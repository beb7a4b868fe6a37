"""Dashboards for Grafana, and what provisions them: `boards` says what is on them, `dashboards` is what that generates.

Knows the names of metrics and views, and nothing of how they come about.
"""
