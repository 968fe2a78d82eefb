"""Export then import is the identity: whatever the form and the base, the set has one digest."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from crd_command import crd_here
from hypothesis import given, settings
from hypothesis import strategies as st
from imports import nothing_wrong, snapshot

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.exchange.incoming.importing import ImportRequest, import_policies
from cds_service.exchange.incoming.reading import read_source
from cds_service.exchange.outgoing.exporting import SINGLE_FILES, make_set, ndjson_of
from cds_service.exchange.selection import select
from cds_service.fhir.reference import ResourceKey
from cds_service.policy.library.artifacts import Artifact, Library, builtin_library, read_library
from cds_service.policy.library.snapshot import digest

EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
FORMS = (*SINGLE_FILES, "ndjson")
BASES = (CANONICAL_BASE, "https://policies.payer.invalid/r4")
WHOLE = read_library([builtin_library(), EXAMPLES])
POLICIES = sorted(key.id for key in WHOLE.by_key if key.type == "PlanDefinition")

# Words with what a base, an address or JSON could be mistaken for.
WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        (
            CANONICAL_BASE,
            f"see {CANONICAL_BASE}/ValueSet/x|1.0, or not",
            f"'{CANONICAL_BASE}/ValueSet/x'",
            f"{CANONICAL_BASE}er",
            '\u2028\x7f\\u0022 "quoted"',
        )
    ),
)


def written(library: Library, form: str, base: str, directory: Path) -> Path:
    """An export of a library."""
    resources = tuple(artifact.resource for artifact in library.by_key.values())
    exported = make_set(resources, digest=digest(library), base=base, view="library")
    path = directory / "sent"
    if form in SINGLE_FILES:
        path.write_bytes(SINGLE_FILES[form](exported))
    else:
        path.mkdir()
        for name, body in ndjson_of(exported).items():
            (path / name).write_bytes(body)
    return path


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """A part of the library with all it needs, some of its artifacts with other words in them."""
    chosen = draw(st.lists(st.sampled_from(POLICIES), max_size=3, unique=True))
    part = select(WHOLE, (), chosen)
    changes: Mapping[ResourceKey, str] = draw(
        st.dictionaries(st.sampled_from(sorted(part.by_key)), WORDS, max_size=4)
    )
    changed = {
        key: replace(
            part.by_key[key], resource={**part.by_key[key].resource, "implicitRules": words}
        )
        for key, words in changes.items()
    }
    return Library({**part.by_key, **changed}, {})


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=8, deadline=None)
@given(library=libraries(), base=st.sampled_from(BASES))
def test_what_is_imported_is_what_was_exported(form: str, library: Library, base: str) -> None:
    """Member for member, whatever words are in it."""
    with TemporaryDirectory() as directory:
        sent = written(library, form, base, Path(directory))
        request = ImportRequest(delivery=read_source(sent), into=Path(directory) / "taken")
        imported = import_policies(request, nothing_wrong)

    taken = {
        artifact.key: Artifact(Path(artifact.place), artifact.resource)
        for artifact in imported.arriving
    }
    assert (imported.faults, imported.left_out) == ((), ())
    assert digest(Library(taken, {})) == digest(library)


@pytest.mark.parametrize(("form", "base"), [*zip(FORMS, BASES * 2, strict=True)])
def test_the_commands_do_so_too(tmp_path: Path, form: str, base: str) -> None:
    """Into an empty library it is the same library; into the one that it was made of, nothing."""
    out, taken = tmp_path / "out", tmp_path / "taken"
    crd_here(
        "export", "--format", form, "--output", out, "--canonical-base", base, "--library", EXAMPLES
    )

    into_nothing = crd_here("import", out, "--into", taken, "--no-builtin-library")
    into_itself = crd_here("import", out, "--into", tmp_path / "again", "--library", EXAMPLES)

    assert into_nothing.returncode == into_itself.returncode == 0
    assert digest(read_library([taken])) == digest(WHOLE)
    assert into_itself.stdout == ""
    assert not (tmp_path / "again").exists()
    assert len(snapshot(taken)) == len(WHOLE.by_key)
