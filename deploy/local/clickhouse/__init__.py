"""An embedded ClickHouse: the chDB engine behind its native and HTTP protocols. For development and demonstration."""
