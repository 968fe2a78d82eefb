"""What GitHub does for us: its files are of its schemas, and may no more than they must."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from package_under_test import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = {
    **dict.fromkeys(WORKFLOWS, "github-workflows"),
    **dict.fromkeys((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml"), "github-issue-forms"),
    GITHUB / "ISSUE_TEMPLATE" / "config.yml": "github-issue-config",
    GITHUB / "dependabot.yml": "dependabot",
}
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read(file: Path) -> dict[str, Any]:
    """A workflow; YAML 1.1 takes its key `on` for a truth value."""
    workflow: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return workflow


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow that run here, those of a called workflow aside."""
    return {name: job for name, job in read(file)["jobs"].items() if "uses" not in job}


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of a command beside the interpreter."""
    command = Path(sys.executable).with_name(name)
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.long
@pytest.mark.parametrize("schema", sorted(set(SCHEMAS.values())))
def test_each_file_is_of_the_schema_that_is_published_for_it(schema: str) -> None:
    """Of workflows, issue forms, their configuration and Dependabot's."""
    files = [str(file) for file in sorted(SCHEMAS) if SCHEMAS[file] == schema]
    checked = tool("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)

    assert files
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.long
def test_an_auditor_of_workflows_finds_nothing() -> None:
    """No expression in a script, no credential left behind, no cooldown missing."""
    audited = tool("zizmor", "--offline", "--min-severity", "medium", str(GITHUB))

    assert audited.returncode == 0, audited.stdout + audited.stderr


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_of_others_are_pinned_by_commit(file: Path) -> None:
    """Each with the version that its commit is, which Dependabot keeps up."""
    used = re.findall(r"uses: (.+)", file.read_text("utf-8"))
    of_others = [action for action in used if not action.startswith("./")]

    assert of_others
    assert [action for action in of_others if not PINNED.fullmatch(action)] == []


def test_an_action_is_one_version_everywhere() -> None:
    """The workflows do not fall apart."""
    used = {
        action
        for file in WORKFLOWS
        for action in re.findall(r"uses: (\w\S+@.+)", file.read_text("utf-8"))
    }
    names = [action.split("@")[0] for action in used]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_may_nothing_and_a_job_what_it_names(file: Path) -> None:
    """A job that says nothing would get what the repository gives to all; and each has an end."""
    found = jobs(file)

    assert read(file)["permissions"] == {}
    assert [name for name, job in found.items() if not job.get("permissions")] == []
    assert [name for name, job in found.items() if "timeout-minutes" not in job] == []


def test_what_runs_on_a_change_writes_nothing() -> None:
    """A pull request of a stranger runs it."""
    allowed = {str(job["permissions"]) for job in jobs(GITHUB / "workflows" / "ci.yml").values()}

    assert allowed == {"{'contents': 'read'}"}


def test_the_pythons_that_ci_runs_are_those_that_the_package_names() -> None:
    """From the oldest, which `requires-python` has, to the newest."""
    checks = jobs(GITHUB / "workflows" / "ci.yml")["checks"]
    pythons = checks["strategy"]["matrix"]["python"]
    named = [
        found[1]
        for line in PROJECT["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    ]

    assert pythons == named
    assert PROJECT["requires-python"] == f">={pythons[0]}"


def test_scripts_that_workflows_run_are_there_and_can_be_run() -> None:
    """`.ci/run` and its neighbours."""
    named = {
        script
        for file in WORKFLOWS
        for script in re.findall(r"(?<!\S)(\.(?:ci|github)/[\w-]+)(?=\s)", file.read_text("utf-8"))
    }

    assert {".ci/run", ".ci/distributions", ".github/try-image"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).stat().st_mode & 0o100] == []


def test_the_developers_page_names_what_is_there() -> None:
    """Its paths exist; the scripts of `.ci` and the marks of tests are all told."""
    page = (GITHUB / "CONTRIBUTING.md").read_text("utf-8")
    folders = r"cds_service|fhir_library|tests|examples|docker|\.ci|\.github"
    paths = set(re.findall(rf"`((?:{folders})/[\w./-]*)`", page))
    marks = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    names = [line.split(":")[0].split("(")[0] for line in marks["ini_options"]["markers"]]

    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert [
        f".ci/{file.name}" for file in (ROOT / ".ci").iterdir() if f".ci/{file.name}" not in page
    ] == []
    assert [name for name in names if f"`{name}`" not in page and f"-m {name}" not in page] == []
