"""Why a token would be refused, in words for the operator; a caller never reads them.

They name claims and headers of the token, never the token or its signature.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cds_service.access.causes import Cause
from cds_service.access.clients import MOST_LIFETIME, MOST_SKEW, Client, Clients, Quirk
from cds_service.access.diagnosis import Finding
from cds_service.access.signing_keys import ALGORITHMS
from cds_service.access.token_parts import TokenParts, parse_token
from cds_service.access.tokens import FORBIDDEN_HEADERS, FindKey, TokenVerifier, VerifiedToken
from cds_service.errors import Unauthorized

_LONGEST_SHOWN = 120  # characters of a claim: a person reads them

# How each cause is put, and the setting of a client that would change it, if one can.
_Words = Callable[[TokenParts, Client], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReader:
    """Explains tokens that clients send to one of `urls`; `now` is the time with its zone."""

    clients: Clients
    keys: FindKey
    urls: Sequence[str]
    now: Callable[[], datetime]

    def explain(self, token: str, client: Client) -> Iterator[Finding]:
        """Whether a token that should be this client's would be accepted; if not, why.

        Of one that has expired, also whether it was to be accepted when it was made.
        """
        try:
            parts = parse_token(token)
        except Unauthorized:
            yield _fault("it is no JSON Web Token: three parts in base64url with dots between")
            return
        if parts.claims.get("iss") != client.issuer:
            yield _issuer(parts, client)
            return
        cause = self._cause(parts, self.now)
        yield _accepted() if cause is None else _explained(cause, parts, client, self)
        if cause is Cause.EXPIRED:
            made = datetime.fromtimestamp(parts.claims["iat"], UTC)
            earlier = self._cause(parts, lambda: made)
            yield (
                _accepted("when it was made, ")
                if earlier is None
                else (_explained(earlier, parts, client, self))
            )

    def _cause(self, parts: TokenParts, now: Callable[[], datetime]) -> Cause | None:
        """Why it would be refused at every one of the addresses; None where it would not be."""
        verifier = TokenVerifier(clients=self.clients, keys=self.keys, now=now)
        causes = [_cause_at(url, parts, verifier) for url in self.urls]
        # At the address it is made for it gets furthest.
        order = [*Cause]
        return None if None in causes else max(filter(None, causes), key=order.index)


def _cause_at(url: str, parts: TokenParts, verifier: TokenVerifier) -> Cause | None:
    try:
        _: VerifiedToken = verifier.verify(parts.token, url, b"")
    except Unauthorized as error:
        return Cause(error.cause)
    return None


def _accepted(when: str = "") -> Finding:
    return Finding(check="token", words=f"{when}it would be accepted")


def _fault(words: str, setting: str = "", value: object = None) -> Finding:
    return Finding(check="token", words=words, is_fault=True, setting=setting, value=value)


def _explained(cause: Cause, parts: TokenParts, client: Client, reader: TokenReader) -> Finding:
    match cause:
        case Cause.AUDIENCE:
            accepted = sorted(client.audiences) or list(reader.urls)
            words = f"its aud is {_claim(parts, 'aud')}; accepted are {', '.join(accepted)}"
            named = parts.claims.get("aud")
            wanted = named if isinstance(named, list) else [named]
            return _fault(words, "audiences", [str(url) for url in wanted])
        case Cause.EXPIRED:
            seconds = reader.now().timestamp() - parts.claims["exp"]
            return _fault(f"it expired {seconds:.0f} s ago (exp), by our clock")
        case Cause.TOO_EARLY:
            return _too_early(parts, client, reader.now().timestamp())
    return _WORDS[cause](parts, client)


def _too_early(parts: TokenParts, client: Client, now: float) -> Finding:
    begins = max(parts.claims["iat"], parts.claims.get("nbf", 0))
    ahead = int(begins - now) + 1
    words = f"it is from the future: {ahead} s (iat, nbf), and {client.skew} s are allowed"
    if ahead > MOST_SKEW:
        return _fault(f"{words}; one of the two clocks is wrong")
    return _fault(words, "skew", min(MOST_SKEW, ahead + 30))


def _algorithm(parts: TokenParts, client: Client) -> Finding:
    algorithm = str(parts.header.get("alg"))[:_LONGEST_SHOWN]
    words = f"it is signed with {algorithm}; this client may use "
    words += f"{', '.join(sorted(client.algorithms))}, with a key made for it"
    if algorithm not in ALGORITHMS - client.algorithms:
        return _fault(words)
    return _fault(words, "algorithms", sorted({*client.algorithms, algorithm}))


def _header(parts: TokenParts, client: Client) -> Finding:
    forbidden = sorted(parts.header.keys() & set(FORBIDDEN_HEADERS))
    if forbidden:
        return _fault(f"its header has {', '.join(forbidden)}, which is never accepted")
    if any(isinstance(value, dict | list) for value in parts.header.values()):
        return _fault("its header has a member that is no plain value")
    words = f"its header typ is {_header_value(parts, 'typ')}; JWT is due"
    if "typ" in parts.header:
        return _fault(words)
    return _fault(words, "quirks", sorted({*client.quirks, Quirk.NO_TYP}))


def _issuer(parts: TokenParts, client: Client) -> Finding:
    issuer = parts.claims.get("iss")
    words = f"its iss is {_claim(parts, 'iss')}; that of this client is {client.issuer}"
    return _fault(words, "iss", issuer if isinstance(issuer, str) else None)


def _tenant(parts: TokenParts, client: Client) -> Finding:
    words = f"its tenant is {_claim(parts, 'tenant')}, which no client with this iss has"
    tenants = sorted({*(client.tenants or ()), str(parts.claims.get("tenant", ""))} - {""})
    return _fault(words, "tenants", tenants)


def _key_url(parts: TokenParts, client: Client) -> Finding:
    words = f"its header jku is {_header_value(parts, 'jku')}; registered is {client.jku or 'none'}"
    return _fault(words, "jku", str(parts.header.get("jku")))


def _lifetime(parts: TokenParts, client: Client) -> Finding:
    seconds = parts.claims["exp"] - parts.claims["iat"]
    words = f"it is valid for {seconds} s (exp less iat); {client.lifetime} s are allowed"
    if not client.lifetime < seconds <= MOST_LIFETIME:
        return _fault(words)
    return _fault(words, "lifetime", seconds)


def _unknown_key(parts: TokenParts, client: Client) -> Finding:
    where = client.jku if client.jku and not client.keys else "the clients file"
    return _fault(f"its kid is {_header_value(parts, 'kid')}; no key in {where} has it")


_WORDS: Mapping[Cause, _Words] = {
    Cause.HEADER: _header,
    Cause.ALGORITHM: _algorithm,
    Cause.ISSUER: _issuer,
    Cause.TENANT: _tenant,
    Cause.KEY_URL: _key_url,
    Cause.KEYS_UNAVAILABLE: lambda _parts, client: _fault(
        f"the keys at {client.jku} cannot be fetched"
    ),
    Cause.UNKNOWN_KEY: _unknown_key,
    Cause.SIGNATURE: lambda parts, _client: _fault(
        f"its signature is not by the key {_header_value(parts, 'kid')}, or it was changed since"
    ),
    Cause.TIMES: lambda _parts, _client: _fault(
        "exp, iat or nbf is missing or is no whole number of seconds since 1970"
    ),
    Cause.LIFETIME: _lifetime,
    Cause.NONCE: lambda _parts, _client: _fault("its jti is missing or no text"),
}


def _claim(parts: TokenParts, name: str) -> str:
    return _shown(parts.claims.get(name))


def _header_value(parts: TokenParts, name: str) -> str:
    return _shown(parts.header.get(name))


def _shown(value: object) -> str:
    """A value for a terminal: without what would move its cursor, and not endless."""
    written = "missing" if value is None else repr(value)
    return written if len(written) <= _LONGEST_SHOWN else f"{written[:_LONGEST_SHOWN]}…"
