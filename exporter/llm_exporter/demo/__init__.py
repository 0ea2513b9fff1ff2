"""The demo: a fake provider, an instrumented agent, and the servers to look at what they do."""
