"""Where a server listens, and what to say when it cannot."""

from dataclasses import dataclass
from pathlib import Path


class CannotListen(OSError):  # noqa: N818
    """An address that could not be bound; the message names the flag that changes it."""

    def __init__(self, address: str, flag: str) -> None:
        super().__init__(
            f"cannot listen on {address}: the port is in use, or it is not an address of this host. "
            f"Choose another with {flag} HOST:PORT"
        )


@dataclass(frozen=True, slots=True)
class Tls:
    """The PEM files of a server: its certificate chain and its private key."""

    certificate: Path
    key: Path
