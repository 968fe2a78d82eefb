"""What Prometheus and Grafana are given: every metric in it is one, and every alert is tried."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from operating import ROOT
from operations.dashboard import DASHBOARD, NOT_SHOWN, ROWS, queries, text
from operations.manifests import read_yaml
from prometheus_client.parser import text_string_to_metric_families
from web.seen_calls import made_metrics, page_of

from cds_service.web.metric_table import METRICS, Kind

PROMETHEUS = ROOT / "docker" / "prometheus"
RULES, RULES_TEST = PROMETHEUS / "rules.yml", PROMETHEUS / "rules_test.yml"
ALERTMANAGER = PROMETHEUS / "alertmanager.yml"
CONFIGURATIONS = sorted(PROMETHEUS.glob("prometheus*.yml"))
GRAFANA = ROOT / "docker" / "grafana"
METRIC = re.compile(r"\b((?:crd|http_server)_[a-z_]+)")
LABEL = re.compile(r"\b([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPED = re.compile(r"by \(([^)]*)\)")
SUFFIXES = {Kind.HISTOGRAM: ("_bucket", "_count", "_sum"), Kind.COUNTER: ("",), Kind.GAUGE: ("",)}
SERIES = {f"{metric.name}{suffix}" for metric in METRICS for suffix in SUFFIXES[metric.kind]}
# What a series has besides the labels of its metric.
OF_PROMETHEUS = {"job", "instance", "le", "alertname", "severity"}


def all_rules() -> Iterator[dict[str, Any]]:
    """Every rule, recorded or alert."""
    for group in read_yaml(RULES)["groups"]:
        yield from group["rules"]


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts by their names."""
    return {rule["alert"]: rule for rule in all_rules() if "alert" in rule}


def expressions() -> list[str]:
    """What is asked of Prometheus, in rules and on the dashboard."""
    return [*(rule["expr"] for rule in all_rules()), *queries()]


def metrics_in(texts: list[str]) -> set[str]:
    """Names of metrics, without the suffixes of histograms."""
    named = {name for text in texts for name in METRIC.findall(text)}
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}


def test_the_dashboard_is_as_its_panels_are_now() -> None:
    """`PYTHONPATH=.:tests python tests/operations/dashboard.py` writes it anew."""
    assert DASHBOARD.read_text("utf-8") == text()


def test_every_series_that_is_asked_for_is_one() -> None:
    """In rules and on the dashboard; what rules record is named `crd:…`."""
    named = {name for expression in expressions() for name in METRIC.findall(expression)}

    assert sorted(named - SERIES) == []


def test_every_label_that_is_asked_for_is_one() -> None:
    """Of some metric of ours, or Prometheus' own."""
    known = {label for metric in METRICS for label in metric.labels} | OF_PROMETHEUS
    selected = {label for expression in expressions() for label in LABEL.findall(expression)}
    lists = [listed for expression in expressions() for listed in GROUPED.findall(expression)]
    grouped = {label.strip() for listed in lists for label in listed.split(",")}

    assert sorted((selected | grouped) - known) == []


def test_what_rules_record_is_what_is_used() -> None:
    """On the dashboard and in alerts."""
    recorded = {rule["record"] for rule in all_rules() if "record" in rule}
    used = [rule["expr"] for rule in alerts().values()] + queries()

    assert {
        name for expression in used for name in re.findall(r"crd:[\w:]+", expression)
    } == recorded


def test_every_metric_is_shown_or_named_as_not_shown() -> None:
    """So that a new one is not forgotten."""
    shown = metrics_in(queries())

    assert {metric.name for metric in METRICS} - shown == set(NOT_SHOWN)
    assert not shown & set(NOT_SHOWN)


def test_panels_lie_side_by_side() -> None:
    """None over another, all within the page."""
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len(taken) > len(ROWS)


def test_every_alert_tells_what_to_do_and_how_urgent_it_is() -> None:
    """A page wakes somebody; a ticket waits for the morning."""
    assert alerts()
    for name, rule in alerts().items():
        assert set(rule["annotations"]) == {"summary", "action"}, name
        assert rule["labels"]["severity"] in ("page", "ticket"), name


def test_every_alert_is_tried_when_it_is_due_and_when_it_is_not() -> None:
    """In the file that `promtool test rules` runs."""
    cases = [case for test in read_yaml(RULES_TEST)["tests"] for case in test["alert_rule_test"]]
    due = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}

    assert due == set(alerts())
    assert set(alerts()) - silent == set()


def tried_series() -> Iterator[tuple[str, str]]:
    """Each series that alerts are tried with, and the values it takes."""
    for test in read_yaml(RULES_TEST)["tests"]:
        for given in test["input_series"]:
            yield given["series"], given["values"]


def labels_in(series: str) -> dict[str, str]:
    """The labels of a series, but for those that Prometheus adds."""
    found = dict(re.findall(r'(\w+)="([^"]*)"', series))
    return {label: found[label] for label in found if label not in OF_PROMETHEUS - {"le"}}


def series_at_the_start() -> list[tuple[str, dict[str, str]]]:
    """The series of a service that has answered no call yet."""
    families = text_string_to_metric_families(page_of(made_metrics()))
    samples = [sample for family in families for sample in family.samples]
    return [(sample.name, sample.labels) for sample in samples]


def test_what_rules_count_is_there_from_the_start_or_the_rules_say_why_not() -> None:
    """Of a series that begins at 1 Prometheus sees no rise; a new rule is not forgotten here."""
    counted = re.compile(r"(?:rate|increase)\((\w+)(\{[^}]*\})?\[")
    named = {found.groups() for rule in all_rules() for found in counted.finditer(rule["expr"])}
    there = {name for name, _ in series_at_the_start()}
    by_client = {("crd_jwt_rejected_total", '{client!="none"}')}

    assert by_client < named
    assert {name for name, _ in named - by_client} <= there


def test_a_series_that_begins_at_nothing_in_a_trial_does_so_in_the_service() -> None:
    """Else the alert is tried with what never is."""
    there = series_at_the_start()
    begun = [series for series, values in tried_series() if re.match(r"_x\d+ 0", values)]

    assert len(begun) > 5
    for series in begun:
        assert (series.partition("{")[0], labels_in(series)) in there, series


def test_an_alert_for_single_events_is_tried_with_one_before_prometheus_looks() -> None:
    """What has happened by the first time that Prometheus asks is no rise either."""
    single = {
        name
        for name, rule in alerts().items()
        for metric in re.findall(r"increase\((\w+)", rule["expr"])
        if not any(
            series.startswith(metric) and re.match(r"_x\d+ [1-9]", values)
            for series, values in tried_series()
        )
    }

    assert any("increase(" in rule["expr"] for rule in alerts().values())
    assert single == set()


def test_the_burn_rates_are_those_promised() -> None:
    """14.4 times over an hour, 6 times over six, of a thousandth (reliability: 2)."""
    rates = {
        name: re.findall(r"> ([\d.]+) \* 0\.001", rule["expr"]) for name, rule in alerts().items()
    }

    assert {name: set(found) for name, found in rates.items() if found} == {
        "CrdFailsFast": {"14.4"},
        "CrdFails": {"6"},
        "CrdLateFast": {"14.4"},
        "CrdLate": {"6"},
    }


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_prometheus_asks_as_an_operator_with_a_token_in_a_file(path: Path) -> None:
    """And keeps the rules that are here."""
    document = read_yaml(path)
    (job,) = document["scrape_configs"]

    assert document["rule_files"] == [RULES.name]
    assert job["job_name"] == "crd"
    assert set(job["authorization"]) == {"credentials_file"}


def test_grafana_is_provisioned_with_the_dashboard() -> None:
    """Its source is of the kind that the dashboard chooses from."""
    (source,) = read_yaml(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = read_yaml(GRAFANA / "provisioning/dashboards/crd.yml")["providers"]
    (choice,) = json.loads(DASHBOARD.read_text("utf-8"))["templating"]["list"]

    assert source["type"] == choice["query"] == "prometheus"
    assert provider["options"]["path"].endswith("/dashboards")


def test_the_compose_file_mounts_what_is_here_where_it_is_looked_for() -> None:
    """Rules, token and dashboards; and Prometheus asks the service by its name and port."""
    services = read_yaml(ROOT / "docker" / "compose.yaml")["services"]
    document = read_yaml(PROMETHEUS / "prometheus.yml")
    (job,) = document["scrape_configs"]
    (provider,) = read_yaml(GRAFANA / "provisioning/dashboards/crd.yml")["providers"]
    (token,) = services["prometheus"]["secrets"]
    mounted = {
        place.split(":")[1]
        for name in ("prometheus", "grafana")
        for place in services[name]["volumes"]
    }

    assert [config["targets"] for config in job["static_configs"]] == [["crd:8000"]]
    assert "crd" in services
    assert token["target"] == job["authorization"]["credentials_file"]
    assert f"/etc/prometheus/{RULES.name}" in mounted
    assert provider["options"]["path"] in mounted
    assert "/etc/grafana/provisioning" in mounted


def test_alerts_are_sent_to_the_address_that_the_operator_has_in_a_file() -> None:
    """By the Alertmanager that Prometheus knows, whatever their urgency."""
    services = read_yaml(ROOT / "docker" / "compose.yaml")["services"]
    (alerting,) = read_yaml(PROMETHEUS / "prometheus.yml")["alerting"]["alertmanagers"]
    (secret,) = services["alertmanager"]["secrets"]
    document = read_yaml(ALERTMANAGER)
    sent = {
        receiver["name"]: [hook["url_file"] for hook in receiver["webhook_configs"]]
        for receiver in document["receivers"]
    }

    assert alerting["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    assert {*services["prometheus"]["networks"]} & {*services["alertmanager"]["networks"]}
    assert (
        f"./prometheus/{ALERTMANAGER.name}:/etc/alertmanager/{ALERTMANAGER.name}:ro"
        in (services["alertmanager"]["volumes"])
    )
    assert sent == {"pages": [secret["target"]], "tickets": [secret["target"]]}


def test_no_alert_silences_another_that_is_not_there() -> None:
    """What follows from another is named as in the rules."""
    matchers = [
        matcher
        for rule in read_yaml(ALERTMANAGER)["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
    ]
    named = {re.fullmatch(r'alertname="(\w+)"', matcher) for matcher in matchers}

    assert {found and found[1] for found in named} <= set(alerts())


def promtool(*arguments: str | Path) -> str:
    """What `promtool` prints; it must be content."""
    ran = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.operations
def test_promtool_reads_the_rules_and_tries_each_alert() -> None:
    """With the unit tests beside them."""
    assert f"{len(list(all_rules()))} rules found" in promtool("check", "rules", RULES)
    assert "SUCCESS" in promtool("test", "rules", RULES_TEST)


@pytest.mark.operations
@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_promtool_reads_the_configuration(path: Path) -> None:
    """Without the token, which is the operator's."""
    assert "is valid" in promtool("check", "config", "--syntax-only", path)


def amtool(*arguments: str | Path) -> str:
    """What `amtool` prints; it must be content."""
    ran = subprocess.run(
        ["amtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.operations
def test_amtool_reads_the_configuration_and_routes_by_urgency(tmp_path: Path) -> None:
    """Each to its receiver. Before 0.26 it knows no address in a file, so it is given one."""
    file, written = tmp_path / "alertmanager.yml", ALERTMANAGER.read_text("utf-8")
    version = re.search(r"version 0\.(\d+)", amtool("--version"))
    if version and int(version[1]) < 26:
        written = re.sub(r"url_file: \S+", "url: http://127.0.0.1/", written)
    file.write_text(written, "utf-8")
    route = ("config", "routes", "test", f"--config.file={file}")

    assert "SUCCESS" in amtool("check-config", file)
    assert amtool(*route, "severity=page").strip() == "pages"
    assert amtool(*route, "severity=ticket").strip() == "tickets"


@pytest.mark.operations
def test_promtool_reads_what_the_dashboard_asks(tmp_path: Path) -> None:
    """Each query as the expression of a rule."""
    rules = [
        {"record": f"dashboard:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "dashboard.yml"
    file.write_bytes(msgspec.yaml.encode({"groups": [{"name": "dashboard", "rules": rules}]}))

    assert f"{len(rules)} rules found" in promtool("check", "rules", file)
