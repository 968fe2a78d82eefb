"""The libraries that the benchmark measures with are libraries that the service takes."""

from pathlib import Path

from benchmarking.policies import write_library

from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library


def test_generated_policies_compile_beside_the_built_in_ones(tmp_path: Path) -> None:
    """Each is one more policy, with codes of its own."""
    written = write_library(tmp_path / "library", 6)
    built_in = compile_library(read_library([builtin_library()]), base_url="")
    index = compile_library(read_library([builtin_library(), written.directory]), base_url="")

    assert len(index.policies) == written.policies == 6
    assert len(index.rules) == len(built_in.rules) + 4


def test_a_generated_policy_is_as_large_as_the_built_in_one_it_is_made_from(tmp_path: Path) -> None:
    """Or the starts that are measured would be those of a library that nobody has."""
    written = write_library(tmp_path / "library", 3)
    model = builtin_library() / "icare" / "wi-pa-1266"
    size = sum(file.stat().st_size for file in model.glob("[PV]*.json"))

    assert size <= written.size <= size * 1.05
