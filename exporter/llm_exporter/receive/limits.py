"""How much the receivers take in: sizes in bytes, times in seconds."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveLimits:
    """Bounds on what clients can make the exporter hold or wait for.

    Raises `ValueError` when a bound is not positive, or when one full request would not fit into what may be
    in flight.
    """

    max_request_bytes: int = 16 << 20
    """One request, compressed and decompressed alike. Beyond: 413 / RESOURCE_EXHAUSTED, not retryable."""

    max_grpc_message_bytes: int = 4 << 20
    """One gRPC message as it comes from the wire, gRPC's own default. Beyond: RESOURCE_EXHAUSTED."""

    max_inflight_bytes: int = 64 << 20
    """All bodies held as they came from the wire. Beyond: 503 / UNAVAILABLE, retryable."""

    max_concurrent_requests: int = 64
    """Requests being read, waiting for the sink or in it, over all transports. Beyond: 503 / UNAVAILABLE."""

    max_connections: int = 512
    """Open HTTP connections on one port. Beyond: a new connection is closed at once."""

    max_head_bytes: int = 64 << 10
    """Request line and headers of an HTTP request. Beyond: 431."""

    read_timeout_seconds: float = 30.0
    """From the first byte of a request to its last. Beyond: 408 / CANCELLED."""

    retry_after_seconds: float = 5.0
    """How long a client that was turned away is asked to wait."""

    max_connection_age_seconds: float = 600.0
    """A gRPC connection older than this is asked to reconnect, so that load spreads over replicas."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"{field.name} is {value}; it must be greater than 0")
        for name in ("max_request_bytes", "max_grpc_message_bytes"):
            if self.max_inflight_bytes < getattr(self, name):
                raise ValueError(
                    f"max_inflight_bytes is {self.max_inflight_bytes}; it must be at least {name} "
                    f"({getattr(self, name)}), or no request of that size could ever be taken"
                )
