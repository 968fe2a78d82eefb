"""The caller: which client asks, and what this service lets it ask (CDS Hooks, security)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """One use of a client's token: a digest of its issuer, its `jti` and the body it came with.

    The same use again is a replay until the token `expires`.
    """

    key: bytes
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client as the operator registered it; `None` stands for no limit.

    `payers` are ids of Organizations in the library, `fhir_servers` base addresses without a final
    slash, `default_version` the CRD version of a request that names none. `is_test` lets it name
    servers without TLS. `name` is empty where anyone may call.
    """

    name: str = ""
    issuer: str = ""
    tenant: str = ""
    payers: frozenset[str] | None = None
    fhir_servers: frozenset[str] | None = None
    default_version: str = ""
    is_test: bool = False
    quirks: frozenset[str] = frozenset()
    token_use: TokenUse | None = None

    def may_ask(self, payer_id: str) -> bool:
        """Whether it may ask about members of this payer."""
        return self.payers is None or payer_id in self.payers


ANYONE = Caller(is_test=True)
