"""What is served is what the OpenAPI document says, tried by schemathesis on a real socket.

Its command is run, so that its plugin for pytest is not needed.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_site import serving, whole_site

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# Left for the long run: what differs from another operation in nothing but its name.
ALIKE = (
    r"^/cds-services/(?!order-sign).*/feedback$",
    r"^/cds-services/(order-select|encounter-discharge)-crd$",
    r"^/fhir/\w+/\{identity\}/\$",
    r"^/payers/",
    r"^/auth/token$",
)


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a site that offers everything listens."""
    with whole_site(Path(tmp_path_factory.mktemp("site"))) as app, serving(app) as url:
        yield url


def check(directory: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis finds at a URL."""
    command = ["-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"]
    address = [f"{url}/openapi.json", "--url", url]
    return subprocess.run(
        [sys.executable, *command, *address, *options],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=1_800,
    )


def test_answers_are_what_the_document_says(tmp_path: Path, base_url: str) -> None:
    """No fault of ours, no status, media type or body that is not described; what breaks the
    document is refused, and what follows it is not."""
    left_out = "|".join(f"({path})" for path in ALIKE)
    options = ("--phases", "examples,fuzzing", "--max-examples", "5")
    found = check(tmp_path, base_url, *options, "--exclude-path-regex", left_out)

    assert found.returncode == 0, found.stdout + found.stderr
    assert "Tested: " in found.stdout


@pytest.mark.long
def test_answers_to_anything_are_what_the_document_says(tmp_path: Path, base_url: str) -> None:
    """The same of every operation, with all phases and many more requests, made up as they come."""
    found = check(tmp_path, base_url, "--max-examples", "10")

    assert found.returncode == 0, found.stdout + found.stderr


def test_a_document_that_is_not_true_is_found_out(tmp_path: Path, base_url: str) -> None:
    """The check can fail: a path that is not served."""
    document = tmp_path / "openapi.json"
    document.write_text(
        '{"openapi":"3.1.0","info":{"title":"x","version":"1"},"paths":{"/nowhere":{"get":'
        '{"responses":{"200":{"description":"it is there"}}}}}}'
    )
    command = ["-m", "schemathesis.cli", "run", str(document), "--url", base_url]
    found = subprocess.run(
        [sys.executable, *command, "--phases", "fuzzing", "--max-examples", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    assert found.returncode == 1, found.stdout + found.stderr
    assert "Undocumented status code" in found.stdout
