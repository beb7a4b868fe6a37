"""The alerts that are shipped: promtool's tests of each, and what is asked of all."""
