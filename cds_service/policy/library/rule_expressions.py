"""The expressions of one rule: what they may read besides what FHIRPath allows them."""

from collections.abc import Mapping

from cds_service.crd.request.promised import is_promised, promised_paths
from cds_service.errors import ExpressionError
from cds_service.policy.language.elements import Place
from cds_service.policy.language.expressions import Expression, ExpressionCompiler
from cds_service.policy.run.inputs import Input

_TYPES = {
    "%codes": "Coding",
    "%indications": "Coding",
    "%coverage": "Coverage",
    "%patient": "Patient",
    "%plan": "InsurancePlan",
    "%words": "string",
    "%dos": "date",
    "%age": "integer",
}


class RuleExpressions:
    """Compiles the expressions of one rule, whose inputs are variables of theirs."""

    def __init__(
        self, compiler: ExpressionCompiler, order_type: str, inputs: Mapping[str, Input]
    ) -> None:
        self._compiler, self._inputs = compiler, inputs
        own = {f"%{name}": wanted.type for name, wanted in inputs.items()}
        self._types = {**_TYPES, **own, "%order": order_type}
        self._used: set[str] = set()

    def compile(self, source: str) -> Expression:
        """The expression in `source`.

        Raises:
            ExpressionError: it cannot be used, or reads an element that FHIR does not have or that
                no profile promises (CRD conf-8).
        """
        expression = self._compiler.compile(source, self._inputs)
        for place in expression.places:
            kind = self._types.get(place.root, place.root)
            if (place, kind) not in self._compiler.sound:
                self._check(place, kind)
                self._compiler.sound.add((place, kind))
        self._used |= expression.inputs.keys()
        return expression

    @property
    def unused(self) -> list[str]:
        """The inputs that no expression has read."""
        return sorted(self._inputs.keys() - self._used)

    def _check(self, place: Place, kind: str) -> None:
        if fault := self._compiler.model.fault(kind, place.names):
            raise ExpressionError(f"`{place}`: {fault}")
        if place.root.startswith("%") and not is_promised(kind, place.names):
            raise ExpressionError(
                f"`{place}` is no element that CRD's profile of {kind} requires or marks "
                f"must-support (CRD conf-8); those are {promised_paths(kind)}"
            )
