"""The queries of the documents, asked of real Prometheus servers."""
