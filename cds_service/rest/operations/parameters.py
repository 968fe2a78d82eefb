"""Parameters of an operation: from the query, from a Parameters resource, or from both."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.errors import (
    InvalidRequest,
    MissingParameter,
    TooLarge,
    UnreadableBody,
    UnsupportedParameter,
)
from cds_service.fhir.resource import Json, JsonObject, decode, objects, resource_type, text
from cds_service.rest.parameters import MOST_PARAMETERS, Pairs

_READ_TYPES = ("application/fhir+json", "application/json", "application/json+fhir")
_LARGEST_BODY = 64 << 10  # bytes; a code with all its codings is a thousandth of that
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_TRUTHS: Mapping[Json, bool] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The values that came, by the names of their parameters; texts from a query are texts."""

    values: Mapping[str, tuple[Json, ...]]

    def text(self, name: str) -> str:
        """The one value of a primitive parameter; empty if none came.

        Raises:
            InvalidRequest: it came twice, or is an object.
        """
        value = self._only(name)
        if isinstance(value, dict | list):
            raise InvalidRequest(f"parameter `{name}` is a single value, no object")
        return str(value).lower() if isinstance(value, bool) else text(value)

    def needed(self, name: str) -> str:
        """The same; raises MissingParameter if none came."""
        value = self.text(name)
        if not value:
            raise MissingParameter(f"parameter `{name}` is needed")
        return value

    def count(self, name: str) -> int | None:
        """A whole number from 0 on; None if none came.

        Raises:
            InvalidRequest: it is no such number.
        """
        value = self.text(name)
        if value and not _COUNT.fullmatch(value):
            raise InvalidRequest(f"parameter `{name}` is a whole number from 0 on")
        return int(value) if value else None

    def is_true(self, name: str) -> bool:
        """Whether a parameter is `true`; false if none came.

        Raises:
            InvalidRequest: it is neither `true` nor `false`.
        """
        value = self.text(name)
        if value and value not in _TRUTHS:
            raise InvalidRequest(f"parameter `{name}` is `true` or `false`")
        return _TRUTHS.get(value, False)

    def structure(self, name: str) -> JsonObject | None:
        """The one object of a parameter, such as a Coding, which only a POST can carry.

        Raises:
            InvalidRequest: it came twice, or is none.
        """
        value = self._only(name)
        if value is None or isinstance(value, dict):
            return value
        raise InvalidRequest(f"parameter `{name}` is an object: POST it in a Parameters resource")

    def refuse(self, names: Iterable[str], why: str) -> None:
        """Pass if none of these came.

        Raises:
            UnsupportedParameter: one did, and would change the answer; `why` says what to do.
        """
        for name in names:
            if name in self.values:
                raise UnsupportedParameter(f"parameter `{name}` is not understood here: {why}")

    def _only(self, name: str) -> Json:
        values = self.values.get(name, ())
        if len(values) > 1:
            raise InvalidRequest(f"parameter `{name}` came more than once")
        return values[0] if values else None


def read_parameters(query: Pairs, body: bytes, media_type: str) -> Parameters:
    """The parameters of one call: a GET has a query and no body, a POST has a body or both.

    Raises:
        InvalidRequest: the body cannot be read.
        TooLarge: the body is longer than what is read.
        UnreadableBody: the body is of another media type.
    """
    found: dict[str, list[Json]] = {}
    for name, value in [*query, *_posted(body, media_type)]:
        if value != "":
            found.setdefault(name, []).append(value)
    return Parameters({name: tuple(values) for name, values in found.items()})


def _posted(body: bytes, media_type: str) -> Iterator[tuple[str, Json]]:
    if not body:
        return
    if media_type not in _READ_TYPES:
        raise UnreadableBody(f"send a Parameters resource as {_READ_TYPES[0]}")
    if len(body) > _LARGEST_BODY:
        raise TooLarge(f"the parameters of an operation are at most {_LARGEST_BODY} bytes long")
    for number, parameter in enumerate(_listed(body)):
        where = f"$.parameter[{number}]"
        name = text(parameter.get("name"))
        values = [parameter[key] for key in parameter if key.startswith("value")]
        values += [parameter["resource"]] if "resource" in parameter else []
        if not name or len(values) != 1:
            raise InvalidRequest("a parameter has a `name` and one value or resource", where)
        yield name, values[0]


def _listed(body: bytes) -> tuple[JsonObject, ...]:
    try:
        resource = decode(body)
    except ValueError as error:
        raise InvalidRequest("the body is not JSON", "$") from error
    if not isinstance(resource, dict) or resource_type(resource) != "Parameters":
        raise InvalidRequest("the body of an operation is a Parameters resource", "$")
    listed = resource.get("parameter", [])
    if not isinstance(listed, list) or len(objects(listed)) != len(listed):
        raise InvalidRequest("`parameter` is a list of objects", "$.parameter")
    if len(listed) > MOST_PARAMETERS:
        raise InvalidRequest(f"more than {MOST_PARAMETERS} parameters", "$.parameter")
    return objects(listed)
