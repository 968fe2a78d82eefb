"""Proving: what has to hold of one file by itself, before any other is looked at.

Three things are asked of it: that no member of an object is lost, the shape of R4 (see `shape`),
and the models of fhir.resources. The models take most of the time; where the shape makes certain
that they take a resource, only a thorough proof (`crd check`) asks them all the same. A file that a
seal lists has been proved thoroughly by this program, and is not proved again.

What holds between files (references, codes of other files' ValueSets, two files with one URL) is
no part of it: the compiler finds that out whenever a set is read, sealed or not.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cds_service.errors import ArtifactError, ArtifactErrors
from cds_service.fhir.models import find_model
from cds_service.fhir.resource import JsonObject, decode, has_repeated_names, resource_type
from cds_service.policy.library.sealing import NO_SEAL, Seal
from cds_service.policy.library.shape import ShapeChecker


class Prover:
    """Proves files one after another; what a FHIR type may hold is read once for all.

    A `thorough` one heeds no seal, asks the models of every file, and keeps in `proved` the
    SHA-256 of each that it passed, in hexadecimal, for a seal. Any other keeps in `unsealed` the
    files that it had to prove.
    """

    def __init__(self, *, thorough: bool = False) -> None:
        self._thorough = thorough
        self._shapes = ShapeChecker()
        self.proved: dict[Path, str] = {}
        self.unsealed: list[Path] = []

    def read(self, path: Path, body: bytes, name: str, seal: Seal = NO_SEAL) -> JsonObject:
        """The resource in the `body` of a file; `name` is what its library's seal has it by.

        Raises:
            ArtifactError: not JSON, no FHIR resource, or not valid as one.
        """
        try:
            resource = decode(body)
        except ValueError as error:
            raise ArtifactError(path, "$", f"not JSON: {error}") from error
        if not isinstance(resource, dict) or not resource_type(resource):
            raise ArtifactError(path, "$.resourceType", "not a FHIR resource")
        if self._thorough:
            self._prove(path, body, resource)
            self.proved[path] = sha256(body).hexdigest()
        elif not seal.covers(name, body):
            self.unsealed.append(path)
            self._prove(path, body, resource)
        return resource

    def check(self, path: Path, resource: JsonObject) -> None:
        """Pass if the resource read from `path` is what FHIR has it be, whatever a seal tells.

        Raises:
            ArtifactError: it is not.
        """
        is_certain = self._shapes.check(path, resource)
        if self._thorough or not is_certain:
            ask_model(path, resource)

    def _prove(self, path: Path, body: bytes, resource: JsonObject) -> None:
        if has_repeated_names(body, resource):
            problem = "an object names a member twice, so one of the two is lost"
            raise ArtifactError(path, "$", problem)
        self.check(path, resource)


def ask_model(path: Path, resource: JsonObject) -> None:
    """What the models check best: elements that must be there, choices of type, and formats.

    Raises:
        ArtifactErrors: the model of its type does not take the resource read from `path`.
    """
    from pydantic import ValidationError  # noqa: PLC0415  # not before a model is: see `fhir.models`

    try:
        find_model(resource_type(resource)).model_validate(resource)
    except ValidationError as error:
        raise ArtifactErrors(_fault(path, fault) for fault in error.errors()) from error


def _fault(path: Path, fault: Mapping[str, Any]) -> ArtifactError:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault["loc"])
    return ArtifactError(path, f"${where}", fault["msg"])
