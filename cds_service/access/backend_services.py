"""SMART Backend Services: a client shows an assertion and gets a short-lived access token.

SMART App Launch 2, Backend Services; RFC 6749, 4.4; RFC 7523. Where the assertion comes, answers
are OAuth's; where the access token comes, a token that is not ours is `Unauthorized`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
from jwt.types import Options

from cds_service.access.assertions import AssertionVerifier
from cds_service.access.causes import Cause
from cds_service.access.clients import Client, Clients
from cds_service.access.scopes import Scope, grant_scopes, parse_scope
from cds_service.access.token_key import ALGORITHM, TokenKey
from cds_service.access.token_parts import MAX_TOKEN
from cds_service.crd.request.caller import TokenUse
from cds_service.errors import TokenRefused, Unauthorized
from cds_service.fhir.resource import JsonObject

SECONDS = 300  # an access token lives (SMART: it SHALL be no more than five minutes)
TOKEN_PATH = "/auth/token"  # noqa: S105  # below the base URL
_TYPE = "at+jwt"  # RFC 9068: no assertion, and no token of CDS Hooks, is taken for one
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PARAMETERS = ("grant_type", "client_assertion_type", "client_assertion", "scope")
_CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti", "scope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an access token stands for: whose it is, what it permits, and until when."""

    client: Client
    scopes: tuple[Scope, ...]
    expires: datetime

    def permits(self, resource_type: str, interaction: str) -> bool:
        """Whether an interaction (a letter of `cruds`) with resources of a type is permitted."""
        return any(scope.permits(resource_type, interaction) for scope in self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A new access token, and what it stands for."""

    text: str
    grant: Grant

    def to_json(self) -> Mapping[str, object]:
        """As the token endpoint answers (SMART, access token response)."""
        return {
            "access_token": self.text,
            "token_type": "bearer",
            "expires_in": SECONDS,
            "scope": " ".join(map(str, self.grant.scopes)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    """Gives out access tokens for what is below `base_url`, signed with `key`, and reads them.

    `remember` takes note of a client's use of an assertion and raises `Replayed` on the second.
    """

    base_url: str
    clients: Clients
    key: TokenKey
    assertions: AssertionVerifier
    remember: Callable[[str, TokenUse], None]
    now: Callable[[], datetime]

    def give(self, form: Mapping[str, str]) -> AccessToken:
        """A token for the parameters that a client posted.

        Raises:
            TokenRefused: there is none for them.
        """
        now = self.now()  # before all: without a time nothing is used up
        _check_parameters(form)
        try:
            asserted = self.assertions.verify(form["client_assertion"])
            scopes = grant_scopes(form["scope"], asserted.client.scopes)
            self.remember(asserted.client.name, asserted.use)
        except Unauthorized as error:
            raise TokenRefused(
                "invalid_client", "a valid client assertion is needed", error.cause
            ) from error
        issued = now.replace(microsecond=0)
        expires = issued + timedelta(seconds=SECONDS)
        grant = Grant(client=asserted.client, scopes=scopes, expires=expires)
        return AccessToken(text=self._sign(grant, issued), grant=grant)

    def read_access_token(self, text: str) -> Grant:
        """What an access token of ours stands for.

        Raises:
            Unauthorized: it is none, has expired, or its client is registered no longer.
        """
        if len(text) > MAX_TOKEN:
            raise Unauthorized(Cause.TOO_LONG)
        claims = self._verify(text)
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        if self.now() >= expires:
            raise Unauthorized(Cause.EXPIRED)
        client = self.clients.named(claims["sub"])
        if client is None:
            raise Unauthorized(Cause.ISSUER)
        scopes = tuple(scope for scope in map(parse_scope, claims["scope"].split()) if scope)
        return Grant(client=client, scopes=scopes, expires=expires)

    def _sign(self, grant: Grant, issued: datetime) -> str:
        claims = {
            "iss": self.base_url,
            "aud": self.base_url,
            "sub": grant.client.name,
            "iat": int(issued.timestamp()),
            "exp": int(grant.expires.timestamp()),
            "jti": str(uuid4()),
            "scope": " ".join(map(str, grant.scopes)),
        }
        headers = {"typ": _TYPE, "kid": self.key.kid}
        return jwt.encode(claims, self.key.key, algorithm=ALGORITHM, headers=headers)

    def _verify(self, text: str) -> JsonObject:
        try:
            # Times are by our own clock: see above.
            options: Options = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False}
            verified = jwt.decode_complete(
                text,
                self.key.key.public_key(),
                algorithms=[ALGORITHM],
                issuer=self.base_url,
                audience=self.base_url,
                options=options,
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthorized(Cause.SIGNATURE) from error
        if verified["header"].get("typ") != _TYPE:
            raise Unauthorized(Cause.HEADER)
        payload: JsonObject = verified["payload"]
        return payload


def _check_parameters(form: Mapping[str, str]) -> None:
    """Pass a form that asks for what there is here.

    Raises:
        TokenRefused: a parameter is missing, or asks for another way.
    """
    missing = [name for name in _PARAMETERS if not form.get(name)]
    if missing:
        code = "invalid_scope" if missing == ["scope"] else "invalid_request"
        raise TokenRefused(code, f"missing: {', '.join(missing)}")
    if form["grant_type"] != "client_credentials":
        raise TokenRefused("unsupported_grant_type", "grant_type is client_credentials here")
    if form["client_assertion_type"] != _ASSERTION_TYPE:
        raise TokenRefused("invalid_request", f"client_assertion_type is {_ASSERTION_TYPE} here")
