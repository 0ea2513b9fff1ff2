"""What was asked and answered, as a listener is told."""
