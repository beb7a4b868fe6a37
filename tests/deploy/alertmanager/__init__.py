"""Who is told what, and what mutes what: asked of a real Alertmanager."""
