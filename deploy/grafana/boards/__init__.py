"""What is on each dashboard: a file each, a heading after the other. Nothing here that is not shown."""
