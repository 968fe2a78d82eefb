"""Why a token was refused: a closed list for log and metric, of which the caller learns nothing."""

from enum import StrEnum


class Cause(StrEnum):
    """What is wrong with a token; the order is that in which it is looked at.

    `REPLAYED` is that of `errors.Replayed`.
    """

    NO_TOKEN = "no-token"  # noqa: S105
    SEVERAL_TOKENS = "several-tokens"
    TOO_LONG = "too-long"
    MALFORMED = "malformed"
    HEADER = "header"
    ALGORITHM = "algorithm"
    ISSUER = "issuer"
    TENANT = "tenant"
    KEY_URL = "jku"
    KEYS_UNAVAILABLE = "keys-unavailable"
    UNKNOWN_KEY = "unknown-kid"
    SIGNATURE = "signature"
    AUDIENCE = "audience"
    TIMES = "times"
    EXPIRED = "expired"
    TOO_EARLY = "too-early"
    LIFETIME = "lifetime"
    NONCE = "jti"
    REPLAYED = "replayed"
