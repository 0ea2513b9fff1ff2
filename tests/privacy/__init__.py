"""What must not get out, and every way out that there is."""
