"""`crd import`: what a user reads, and what stands in the directory afterwards."""

from pathlib import Path

from click.testing import CliRunner, Result
from imports import COVERED, bundle, condition, foreign_policy, snapshot, static_action, their_payer
from small_library import organization, policy, rule

from cds_service.cli.import_ import import_


def run_import(*arguments: str | Path) -> Result:
    """One run of the command, in this process."""
    return CliRunner().invoke(import_, list(map(str, arguments)))


def test_it_says_what_is_new_and_then_that_all_is_the_same(tmp_path: Path) -> None:
    """A line a file on stdout, the counts on stderr."""
    sent, taken = bundle(tmp_path / "sent.json", policy(), organization()), tmp_path / "taken"

    first = run_import(sent, "--into", taken)
    second = run_import(sent, "--into", taken)

    assert first.exit_code == second.exit_code == 0
    assert first.stdout.splitlines() == [
        f"new       {taken / 'PlanDefinition-acme-1.json'}",
        f"new       {taken / 'Organization-acme.json'}",
    ]
    assert "2 new, 0 same, 0 replaced" in first.stderr
    assert second.stdout == ""
    assert "0 new, 2 same, 0 replaced" in second.stderr


def test_what_differs_takes_the_place_of_another_only_if_told_to(tmp_path: Path) -> None:
    """In the file where the other is, in whatever folder."""
    taken = tmp_path / "taken"
    run_import(bundle(tmp_path / "one.json", policy(), organization()), "--into", taken)
    (taken / "acme").mkdir()
    (taken / "PlanDefinition-acme-1.json").rename(taken / "acme" / "PlanDefinition-acme-1.json")
    before = snapshot(taken)
    changed = bundle(tmp_path / "two.json", policy(rule("other")), organization())

    refused = run_import(changed, "--into", taken)
    after_refusal = snapshot(taken)
    replaced = run_import(changed, "--into", taken, "--replace")

    assert refused.exit_code == 1
    assert "PlanDefinition/acme-1 is here already and differs; --replace" in refused.stdout
    assert after_refusal == before
    assert replaced.stdout == f"replaced  {taken / 'acme' / 'PlanDefinition-acme-1.json'}\n"
    assert snapshot(taken).keys() == before.keys()


def test_a_set_that_does_not_check_is_refused_with_every_finding(tmp_path: Path) -> None:
    """By the place in the source; the directory is as it was, and the checked part too."""
    taken = tmp_path / "taken"
    run_import(bundle(tmp_path / "one.json", policy(), organization()), "--into", taken)
    before = snapshot(taken)
    bad = [
        policy(
            rule(conditions=["%order.code.nonsense("]), name=name, url=f"https://x.invalid/{name}"
        )
        for name in ("bad-1", "bad-2")
    ]
    good = policy(name="good", url="https://x.invalid/good")

    run = run_import(bundle(tmp_path / "two.json", *bad, good, organization()), "--into", taken)

    assert run.exit_code == 1
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == [
        "two.json entry[0]",
        "two.json entry[1]",
    ]
    assert "$.action[0].action[0].condition[0]" in run.stdout
    assert "2 findings" in run.stderr
    assert ".crd-import" not in run.stdout + run.stderr
    assert snapshot(taken) == before


def test_cases_of_the_directory_are_run_with_what_comes_in(tmp_path: Path) -> None:
    """A new version that answers a case otherwise is refused."""
    taken = tmp_path / "taken"
    run_import(bundle(tmp_path / "one.json", organization()), "--into", taken)
    (taken / "cases.json").write_text("{}")
    before = snapshot(taken)

    run = run_import(bundle(tmp_path / "two.json", policy()), "--into", taken)

    assert run.exit_code == 1
    assert "cases.json: $: not a cases file" in run.stdout
    assert snapshot(taken) == before


def test_a_policy_that_is_not_understood_is_named_by_rule(tmp_path: Path) -> None:
    """Another one comes in, and the exit status is 0; if none comes in it is 1."""
    cql = condition("Applies", "text/cql-identifier")
    bad = foreign_policy(static_action("dynamic", *COVERED, condition=[cql]))
    good = foreign_policy(id="Good", url="http://riverbend.invalid/PlanDefinition/Good")
    both = bundle(tmp_path / "both.json", bad, good, their_payer())
    none = bundle(tmp_path / "none.json", bad, their_payer())

    some = run_import(both, "--into", tmp_path / "taken")
    nothing = run_import(none, "--into", tmp_path / "other")

    line = (
        "NOT TAKEN IN: PlanDefinition/SleepDevices dynamic: "
        "its condition `Applies` is in text/cql-identifier"
    )
    assert line in some.stderr.splitlines()
    assert (some.exit_code, nothing.exit_code) == (0, 1)
    assert (tmp_path / "taken" / "PlanDefinition-Good.json").is_file()
    assert not (tmp_path / "other").exists()


def test_a_source_that_is_none_is_one_line(tmp_path: Path) -> None:
    """Without a stack."""
    for source in ("nowhere.tgz", str(tmp_path), "https://fhir.payer.invalid/r4"):
        run = run_import(source, "--into", tmp_path / "taken")

        assert run.exit_code == 1
        assert run.stderr.startswith("Error: ")
        assert len(run.stderr.splitlines()) == 1
        assert not (tmp_path / "taken").exists()


def test_a_base_that_the_operator_names_becomes_ours(tmp_path: Path) -> None:
    """In every address of what comes in."""
    theirs = "https://policies.payer.invalid/r4"
    policy_of_theirs = policy(url=f"{theirs}/PlanDefinition/acme-1")
    sent = bundle(tmp_path / "sent.json", policy_of_theirs, organization())

    run = run_import(sent, "--into", tmp_path / "taken", "--canonical-base", theirs)

    assert run.exit_code == 0
    written = (tmp_path / "taken" / "PlanDefinition-acme-1.json").read_text()
    assert "https://coverage-policies.invalid/fhir/PlanDefinition/acme-1" in written
    assert theirs not in written


def test_what_others_wrote_does_not_reach_the_terminal_as_it_is(tmp_path: Path) -> None:
    """Nothing that it would obey, in ids, expressions and JSON paths; and a line is a line."""
    evil = "\x1b[2J\r\nall is well\u202e"
    cql = condition(evil, "text/cql")
    sent = bundle(
        tmp_path / "sent.json",
        foreign_policy(static_action(evil, condition=[cql])),
        organization(evil),
        organization(**{evil: 1}),
    )

    run = run_import(sent, "--into", tmp_path / "taken")

    printed = run.stdout + run.stderr
    assert printed.replace("\n", "").isprintable()
    assert not any(line.startswith("all is well") for line in printed.splitlines())


def test_what_others_wrote_is_plain_in_a_refusal_too(tmp_path: Path) -> None:
    """The type of a Bundle is theirs."""
    sent = bundle(tmp_path / "sent.json", organization(), kind="x\x1b[2J\r\nall is well")

    run = run_import(sent, "--into", tmp_path / "taken")

    assert run.exit_code == 1
    assert run.stderr.rstrip("\n").isprintable()
