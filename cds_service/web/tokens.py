"""The token endpoint, and where a client finds it (SMART App Launch 2, Backend Services)."""

import logging
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

from cds_service.access.backend_services import TOKEN_PATH, TokenService
from cds_service.errors import TokenRefused
from cds_service.fhir.resource import encode
from cds_service.web.documents import give_document

_LOG = logging.getLogger("cds_service.web")
_JSON = "application/json"
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749, 5.1
_LONGEST_FORM = 32 << 10  # bytes
_MOST_PARAMETERS = 20
_STATUS = {"invalid_client": 401}  # RFC 6749, 5.2; any other is 400


def create_token_endpoint(tokens: TokenService) -> Blueprint:
    """POST /auth/token and GET /fhir/.well-known/smart-configuration; both are free to call."""
    endpoint = Blueprint("tokens", __name__)
    configuration = encode(_configuration(tokens))

    @endpoint.post(TOKEN_PATH)
    def give_token() -> Response:
        return _answer(lambda: tokens.give(_form()).to_json())

    @endpoint.get("/fhir/.well-known/smart-configuration")
    def configure() -> Response:
        return give_document(configuration)

    return endpoint


def _answer(give: Callable[[], Mapping[str, object]]) -> Response:
    """What is given, or the OAuth error; only its cause is logged, nothing of an assertion."""
    try:
        body, status = give(), 200
    except TokenRefused as error:
        _LOG.info("no access token", extra={"event": "token-refused", "cause": error.cause})
        body = {"error": error.error, "error_description": str(error)}
        status = _STATUS.get(error.error, 400)
    return Response(encode(body), status=status, mimetype=_JSON, headers=_NOT_KEPT)


def _form() -> Mapping[str, str]:
    """The parameters of the request, each there once.

    Raises:
        TokenRefused: it is no form, or too long, or has a parameter twice (RFC 6749, 3.2).
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        raise TokenRefused("invalid_request", "send application/x-www-form-urlencoded")
    body = request.get_data()
    if len(body) > _LONGEST_FORM:
        raise TokenRefused("invalid_request", f"more than {_LONGEST_FORM} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:  # no UTF-8, or too many
        raise TokenRefused("invalid_request", "this is no form") from error
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise TokenRefused("invalid_request", "a parameter came twice")
    return parameters


def _configuration(tokens: TokenService) -> Mapping[str, object]:
    """What a client asks first (SMART, .well-known/smart-configuration)."""
    scopes = {scope for client in tokens.clients.all for scope in client.scopes}
    return {
        "token_endpoint": f"{tokens.base_url}{TOKEN_PATH}",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": sorted(tokens.clients.algorithms),
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": sorted(scopes),
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
