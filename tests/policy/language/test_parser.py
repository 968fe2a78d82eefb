"""The parser: FHIRPath to its last character, texts taken out, and nothing guessed."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.language.asking import ask, evaluate

from cds_service.errors import ExpressionError
from cds_service.fhir.truth import Truth
from cds_service.policy.language.expressions import ExpressionCompiler
from cds_service.policy.language.parser import Parser, identifier

BROKEN = (
    "",
    " ",
    "%order.exists() garbage",
    "%order.exists())",
    "%order.exists(",
    "%order..exists()",
    "%order.exists() // and more\n garbage",
    "%order.exists();",
    "%order.status == 'draft'",
    '%order.status = "draft"',
    "%order.status = 'draft",
    "%order.status = 'draft\\'",
    "%order.exists() and",
    "and %order.exists()",
    "%",
    "%order exists()",
    "%order.exists()\x00",
    "§",
    "%order.status = 'draft' # comment",
    "%order.exists() /* not finished",
    "%order.`status = 'draft'",
)


@pytest.mark.parametrize("source", BROKEN, ids=repr)
def test_what_is_not_fhirpath_to_its_last_character_is_refused(source: str) -> None:
    """fhirpathpy alone would accept some of these and forget the rest."""
    with pytest.raises(ExpressionError):
        ExpressionCompiler().compile(source)


@pytest.mark.parametrize("source", BROKEN, ids=repr)
def test_an_expression_parsed_before_makes_no_broken_one_pass(source: str) -> None:
    """What is kept of one expression serves others of its very shape only."""
    compiler = ExpressionCompiler()
    for sound in ("%order.exists()", "%order.status = 'draft'", "%order.exists() and true"):
        compiler.compile(sound)

    with pytest.raises(ExpressionError):
        compiler.compile(source)


def test_expressions_that_differ_in_their_texts_share_a_tree() -> None:
    """The rules of a payer differ in little else."""
    parser = Parser()
    some, other = (parser.parse(f"%order.status = '{text}'") for text in ("draft", "it"))

    assert some.tree is other.tree
    assert (some.texts, other.texts) == (("draft",), ("it",))


def test_a_fault_is_named_by_its_place_as_written() -> None:
    """Texts are taken out before parsing; the column still counts them."""
    with pytest.raises(ExpressionError, match="column 37"):
        Parser().parse("'a rather long text' = 'another' and")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"'a\'b'", "a'b"),
        (r"'\\'", "\\"),
        (r"'\\n'", "\\n"),
        (r"'\r\n\t\f'", "\r\n\t\f"),
        (r"'\/\`\"'", '/`"'),
        (r"'\p'", "p"),
        (r"'\u005'", "u005"),
        (r"'\u002a'", "*"),
        (r"'\ud83e\ude7a'", "🩺"),
        ("'🩺 ß İ \u202e'", "🩺 ß İ \u202e"),
        ("'// no comment'", "// no comment"),
        ("'/* nor */ this'", "/* nor */ this"),
        ("'`'", "`"),
    ],
)
def test_a_text_is_what_its_escapes_stand_for(written: str, meant: str) -> None:
    """FHIRPath, String; a character in two halves is one."""
    assert evaluate(written) == (meant,)


@pytest.mark.parametrize("written", [r"'\ud83e'", r"'\ude7a\ud83e'"])
def test_half_a_character_is_refused(written: str) -> None:
    """It could not be written to a card."""
    with pytest.raises(ExpressionError, match="half a character"):
        evaluate(written)


@pytest.mark.parametrize(
    "source",
    [
        "%order.status /* 'active' */ = 'draft'",
        "%order.status = 'draft' // it's a draft",
        "// first of all\n%order.status = 'draft'",
        "%order.`status` = 'draft'",
        "%`order`.status = 'draft'",
        "%order\n  .status\t= 'draft'",
        "(((%order.status))) = ('draft')",
    ],
)
def test_comments_blanks_and_quotes_around_names_change_nothing(source: str) -> None:
    """A quote in a comment begins no text."""
    assert ask(source) is Truth.TRUE


def test_a_variable_may_have_a_dash_if_it_is_known() -> None:
    """The id of an input in FHIR has one; elsewhere a dash subtracts."""
    parser = Parser()
    bound = parser.parse("%af-history.exists()", {"af-history"}).tree

    assert identifier(bound.children[0]) == "af-history"
    assert parser.parse("%age-1").tree.kind == "AdditiveExpression"
    assert parser.parse("%af-history.exists()").tree.kind == "AdditiveExpression"


def test_a_variable_in_a_text_or_a_comment_is_left_alone() -> None:
    """What a text holds is what the author wrote."""
    parsed = Parser().parse("'50%af-history' & %af-history.id // %af-history", {"af-history"})

    assert parsed.texts == ("50%af-history",)


@settings(max_examples=100, deadline=None)
@given(source=st.text(alphabet="%orde.xists()'=<>|&+- \n{}[]$@`12\"/\\ü\x00*", max_size=30))
def test_any_text_is_compiled_or_refused(source: str) -> None:
    """Nothing but an ExpressionError comes of a text that is no expression."""
    try:
        ExpressionCompiler().compile(source)
    except ExpressionError:
        return

    ExpressionCompiler().compile(source)


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_can_be_written(text: str) -> None:
    """With quotes and backslashes escaped, it comes back as it was."""
    written = text.replace("\\", "\\\\").replace("'", "\\'")

    assert Parser().parse(f"'{written}'").texts == (text,)


def test_many_texts_are_taken_out_in_time() -> None:
    """Tens of thousands of quotes without an end are read once each."""
    started = time.process_time()
    with pytest.raises(ExpressionError):
        Parser().parse("'" * 10_001)

    assert time.process_time() - started < 10
