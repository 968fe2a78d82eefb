"""`crd policy shadow`: a looser set is told apart by real calls before it goes live."""

import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crd_command import EXAMPLE, crd, serving, url_of
from small_library import change, copy_of_builtin

LIMIT = 60.0  # seconds, for a crowded machine
POLICY = Path("icare", "wi-pa-1266", "PlanDefinition-icare-wi-pa-1266-20241008.json")


def _pay(resource: dict[str, Any]) -> None:
    """Cover what the policy refuses."""
    (rule,) = resource["action"][0]["action"]
    for extension in rule["extension"]:
        for part in extension["extension"]:
            if part["url"] == "covered":
                part["valueCode"] = "covered"


def paying(directory: Path) -> Path:
    """A copy of the built-in library in which iCare covers what it refuses; without its cases."""
    library = copy_of_builtin(directory)
    change(library / POLICY, _pay)
    (library / POLICY).with_name("cases.json").unlink()
    return library


def call(base: str) -> None:
    """One order that iCare refuses."""
    url = f"{base}/cds-services/order-sign-crd"
    with urllib.request.urlopen(url, EXAMPLE.read_bytes(), timeout=LIMIT) as answer:
        assert b"not-covered" in answer.read()


NONE_LOOSER = 'crd_policy_shadow_total{verdict="looser"} 0.0'


def until(shown: Callable[[], str], wanted: str) -> str:
    """What is shown, once it has the wanted words."""
    due = time.monotonic() + LIMIT
    while wanted not in (words := shown()) and time.monotonic() < due:
        time.sleep(0.2)
    return words


@pytest.mark.long
def test_a_looser_set_is_seen_by_the_calls_that_come(tmp_path: Path) -> None:
    """They get the answer of the set in service; then the shadow is ended."""
    store = ("--data-dir", tmp_path / "data")
    with serving(*store) as (_, lines):
        base = url_of(lines)

        def counted() -> str:
            with urllib.request.urlopen(f"{base}/metrics", timeout=LIMIT) as page:
                found: str = page.read().decode()
            if NONE_LOOSER not in found:
                return "counted"
            call(base)  # until the set has been taken up
            return ""

        set_up = crd(
            "policy", "shadow", paying(tmp_path / "paying"), "--no-builtin-library", *store
        )
        until(counted, "counted")
        listed = until(lambda: crd("policy", "shadow", *store).stdout, "looser")
        ended = crd("policy", "shadow", "end", *store)

    assert set_up.returncode == 0, set_up.stderr
    assert "answers silently within seconds" in set_up.stdout
    row = next(line for line in listed.splitlines() if line.startswith("looser")).split()
    assert row[2:6] == ["icare", "0600T", "not-covered", "covered"]
    dossier = crd("audit", "show", row[6], *store)
    assert dossier.returncode == 0
    assert "0600T" in dossier.stdout
    assert ended.stdout == "No set answers silently any more.\n"
    assert "No set answers silently;" in crd("policy", "shadow", *store).stdout
