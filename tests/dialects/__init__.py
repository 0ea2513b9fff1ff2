"""Cases: spans as instrumentations write them, with what the exporter must make of them."""
