"""Real SDKs against the demo's provider and a real exporter: what one served, the other counted."""
