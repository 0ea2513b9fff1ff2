"""The token that clients must know, compared in constant time."""

import base64
import binascii
import hmac


def knows_token(authorization: bytes, token: str | None) -> bool:
    """Tell whether an `Authorization` value carries `token`; everyone may pass when `token` is None.

    Both `Bearer <token>` (RFC 6750) and `Basic` with the token as the password (RFC 7617) will do, since some
    clients can send only the one or the other.
    """
    if token is None:
        return True
    scheme, _, credentials = authorization.partition(b" ")
    credentials = credentials.strip()
    if scheme.lower() == b"basic":
        credentials = _password(credentials)
    elif scheme.lower() != b"bearer":
        credentials = b""
    return hmac.compare_digest(credentials, token.encode())


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
