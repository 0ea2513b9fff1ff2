"""Failed traces collected for an evaluation set."""
