"""The functions that expressions may use: one table, for the compiler, messages and the guide."""

from collections.abc import Mapping

from cds_service.errors import ExpressionError
from cds_service.policy.language.calls import Function, of_collection
from cds_service.policy.language.fhir_steps import (
    compile_member_of,
    compile_of_type,
    compile_resolve,
)
from cds_service.policy.language.function_steps import (
    compile_all,
    compile_exists,
    compile_iif,
    compile_select,
    compile_where,
    count,
    empty,
    first,
    last,
    once_each,
)
from cds_service.policy.language.operators import negated
from cds_service.policy.language.text_steps import (
    compile_join,
    compile_matches,
    compile_mentions,
    of_text,
    of_texts,
)

_NEEDS_ALL = "unknown if not all of the values could be read"
_NEEDS_ITS_TEXT = "empty of an absent text, unknown of one that could not be read"

FUNCTIONS: Mapping[str, Function] = {
    "where": Function(
        arguments="criteria",
        meaning="the values for which the criteria hold",
        example="%order.code.coding.where(system = 'http://www.ama-assn.org/go/cpt')",
        unknown="a value whose criteria are unknown may belong: `exists()` of the rest is unknown",
        compile=compile_where,
        least=1,
        most=1,
    ),
    "exists": Function(
        arguments="criteria",
        meaning="whether there is any value, or any for which the criteria hold",
        example="%indications.exists()",
        unknown="true if one is known; unknown if there may be one that could not be read",
        compile=compile_exists,
        most=1,
    ),
    "empty": Function(
        arguments="",
        meaning="whether there is no value: the opposite of `exists()`",
        example="%indications.where(memberOf('{ValueSet}')).empty()",
        unknown="false if one is known; unknown if there may be one that could not be read",
        compile=of_collection(empty, keeps_place=False),
    ),
    "not": Function(
        arguments="",
        meaning="the opposite of a truth value",
        example="(%age < 18).not()",
        unknown="unknown of unknown",
        compile=of_collection(negated, keeps_place=False),
    ),
    "all": Function(
        arguments="criteria",
        meaning="whether the criteria hold for all values; true if there are none",
        example="%codes.all(system = 'http://www.ama-assn.org/go/cpt')",
        unknown="false if they fail for one; unknown if they are unknown for any",
        compile=compile_all,
        least=1,
        most=1,
    ),
    "count": Function(
        arguments="",
        meaning="how many values there are",
        example="%indications.count() > 1",
        unknown=_NEEDS_ALL,
        compile=of_collection(count, keeps_place=False),
    ),
    "first": Function(
        arguments="",
        meaning="the first value",
        example="%patient.address.first().state = 'WI'",
        unknown=_NEEDS_ALL,
        compile=of_collection(first, keeps_place=True),
    ),
    "last": Function(
        arguments="",
        meaning="the last value",
        example="%patient.address.last().state = 'WI'",
        unknown=_NEEDS_ALL,
        compile=of_collection(last, keeps_place=True),
    ),
    "distinct": Function(
        arguments="",
        meaning="each value once",
        example="%indications.code.distinct().count() = 1",
        unknown="as open as what it is called on",
        compile=of_collection(once_each, keeps_place=True),
    ),
    "select": Function(
        arguments="projection",
        meaning="what the projection yields for each value, together",
        example="%indications.select(system & '|' & code)",
        unknown="open if a value or its projection could not be read",
        compile=compile_select,
        least=1,
        most=1,
    ),
    "iif": Function(
        arguments="criterion, then, otherwise",
        meaning="one value if the criterion holds, another if not",
        example="iif(%age < 18, 'paediatric', 'adult') = 'adult'",
        unknown="unknown if the criterion is",
        compile=compile_iif,
        least=2,
        most=3,
    ),
    "ofType": Function(
        arguments="type",
        meaning="a choice element in one of its types, or the resources of one type",
        example="%order.occurrence.ofType(dateTime).exists()",
        unknown="as open as what it is called on",
        compile=compile_of_type,
        least=1,
        most=1,
    ),
    "resolve": Function(
        arguments="",
        meaning="the resources that references lead to: contained, prefetched, or queried",
        example="%order.performer.resolve().ofType(Organization).name.exists()",
        unknown="unknown where a resource could not be read",
        compile=compile_resolve,
    ),
    "memberOf": Function(
        arguments="'ValueSet|version'",
        meaning="whether a code is in a ValueSet of the library",
        example="%indications.where(memberOf('{ValueSet}')).exists()",
        unknown="false only for a code of a system that the ValueSet covers; unknown without a "
        "code, for words only, and for another system",
        compile=compile_member_of,
        least=1,
        most=1,
    ),
    "mentions": Function(
        arguments="'phrase' | 'another', 'ValueSet|version'",
        meaning="which of the phrases texts say, if all else they say is ordinary: function words, "
        "and the codes of the ValueSet, which may be left away",
        example="%words.mentions('pulsed field ablation' | 'PFA', '{words}').exists()",
        unknown="nothing is said until all the texts are known",
        compile=compile_mentions,
        least=1,
        most=2,
    ),
    "matches": Function(
        arguments="'regular expression'",
        meaning="whether an expression of RE2, without backreferences, is met in a text",
        example="%order.code.text.matches('^[A-Z]')",
        unknown=_NEEDS_ITS_TEXT,
        compile=compile_matches,
        least=1,
        most=1,
    ),
    "contains": Function(
        arguments="'text'",
        meaning="whether a text has another in it",
        example="%order.code.text.contains('open')",
        unknown=_NEEDS_ITS_TEXT,
        compile=of_texts(lambda written, other: other in written),
        least=1,
        most=1,
    ),
    "startsWith": Function(
        arguments="'text'",
        meaning="whether a text begins with another",
        example="%order.code.text.startsWith('CT')",
        unknown=_NEEDS_ITS_TEXT,
        compile=of_texts(str.startswith),
        least=1,
        most=1,
    ),
    "endsWith": Function(
        arguments="'text'",
        meaning="whether a text ends with another",
        example="%order.code.text.endsWith('left')",
        unknown=_NEEDS_ITS_TEXT,
        compile=of_texts(str.endswith),
        least=1,
        most=1,
    ),
    "lower": Function(
        arguments="",
        meaning="a text in small letters",
        example="%order.code.text.lower() = 'ablation'",
        unknown=_NEEDS_ITS_TEXT,
        compile=of_text(str.lower),
    ),
    "upper": Function(
        arguments="",
        meaning="a text in capitals",
        example="%order.code.text.upper() = 'ABLATION'",
        unknown=_NEEDS_ITS_TEXT,
        compile=of_text(str.upper),
    ),
    "join": Function(
        arguments="'separator'",
        meaning="several texts as one",
        example="%words.join(' ').contains('open')",
        unknown=_NEEDS_ALL,
        compile=compile_join,
        most=1,
    ),
}


def find_function(name: str) -> Function:
    """The function of a name.

    Raises:
        ExpressionError: policies may not use it.
    """
    if name not in FUNCTIONS:
        raise ExpressionError(
            f"`{name}()` is not for policies, which may use {_known()}{_hint(name)}"
        )
    return FUNCTIONS[name]


def _known() -> str:
    return ", ".join(f"{name}()" for name in sorted(FUNCTIONS))


def _hint(name: str) -> str:
    return "; the date of service is `%dos`" if name in ("today", "now", "timeOfDay") else ""
