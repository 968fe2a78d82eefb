"""The libraries that the benchmark measures with are libraries that the service takes."""

from pathlib import Path

from benchmarking.policies import write_library

from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library


def test_generated_policies_compile_beside_the_built_in_ones(tmp_path: Path) -> None:
    """Some with a condition and a detail of their own: the benchmark is not run in CI."""
    written = write_library(tmp_path / "library", 10)
    library = read_library([builtin_library(), written.directory])
    index = compile_library(library, base_url="")

    assert len(index.policies) == written.policies == 10
    assert any(rule.dynamic for rule in index.rules if rule.policy.id.startswith("payer-"))
