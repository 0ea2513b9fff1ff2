"""Transport: OTLP over gRPC and HTTP, limits, tokens, status codes; what spans mean is unknown here."""
