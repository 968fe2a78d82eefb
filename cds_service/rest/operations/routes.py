"""The operations over HTTP: each by GET with a query, or by POST with a Parameters resource."""

from collections.abc import Callable
from datetime import date

from flask import Blueprint, Response, request

from cds_service.errors import InvalidRequest
from cds_service.fhir.resource import JsonObject, text
from cds_service.policy.library.artifacts import Artifact
from cds_service.rest.cross_origin import open_to_all
from cds_service.rest.operations.expansion import expand
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.rest.operations.lookup import look_up, validate_in_system
from cds_service.rest.operations.membership import validate_code
from cds_service.rest.operations.packages import package
from cds_service.rest.operations.parameters import Parameters, read_parameters
from cds_service.rest.parameters import query_parameters
from cds_service.rest.representation import represent
from cds_service.rest.routes import PREFIX

_METHODS = ("GET", "POST")
# What an operation comes to for one artifact.
Operation = Callable[[OperationsLibrary, Artifact, Parameters], JsonObject]


def create_operations(
    read: Callable[[], OperationsLibrary], today: Callable[[], date]
) -> Blueprint:
    """`$expand` and `$validate-code` of ValueSets, `$lookup` and `$validate-code` of CodeSystems,
    `$package` of PlanDefinitions, under /fhir.

    `read` gives the policies that are in service at the moment; `today` dates expansions.
    """
    operations = Blueprint("operations", __name__, url_prefix=PREFIX)
    operations.after_request(open_to_all)

    def expand_today(
        library: OperationsLibrary, artifact: Artifact, parameters: Parameters
    ) -> JsonObject:
        return expand(library, artifact, parameters, today())

    @operations.route("/CodeSystem/$lookup", methods=_METHODS)
    def lookup() -> Response:
        return _represent(look_up(read(), _parameters()))

    _offer(operations, read, "ValueSet/$expand", expand_today, version="valueSetVersion")
    _offer(operations, read, "ValueSet/$validate-code", validate_code, version="valueSetVersion")
    _offer(operations, read, "CodeSystem/$validate-code", _validate_in_system, version="version")
    _offer(operations, read, "PlanDefinition/$package", package, version="version")
    return operations


def _offer(
    operations: Blueprint,
    read: Callable[[], OperationsLibrary],
    path: str,
    operation: Operation,
    *,
    version: str,
) -> None:
    """Offer an operation on the type, where `url` and `version` name the artifact, and on each."""
    kind, name = path.split("/")

    def on_type() -> Response:
        library, parameters = read(), _parameters()
        artifact = library.resolve(kind, parameters.needed("url"), parameters.text(version))
        return _represent(operation(library, artifact, parameters))

    def on_instance(identity: str) -> Response:
        library, parameters = read(), _parameters()
        artifact = library.get(kind, identity)
        _check_named(artifact, parameters)
        return _represent(operation(library, artifact, parameters))

    operations.add_url_rule(f"/{path}", f"{path} type", on_type, methods=_METHODS)
    operations.add_url_rule(
        f"/{kind}/<identity>/{name}", f"{path} instance", on_instance, methods=_METHODS
    )


def _check_named(artifact: Artifact, parameters: Parameters) -> None:
    """Pass if `url` names nothing, or what the path names; an answer is about one artifact."""
    asked, url = parameters.text("url").partition("|")[0], text(artifact.resource.get("url"))
    if asked not in ("", url):
        raise InvalidRequest(f"`url` names another artifact than the path, which names {url}")


def _parameters() -> Parameters:
    return read_parameters(query_parameters(), request.get_data(), request.mimetype)


def _represent(resource: JsonObject) -> Response:
    return represent(resource, query_parameters())


def _validate_in_system(
    _library: OperationsLibrary, system: Artifact, parameters: Parameters
) -> JsonObject:
    return validate_in_system(system, parameters)
