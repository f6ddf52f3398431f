"""NATS with walls: what each node may, the server's configuration, and its guard."""
