"""The dashboard in `docker/grafana`, written from the panels below.

`PYTHONPATH=.:tests python tests/operations/dashboard.py` writes it anew.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from operating import ROOT

DASHBOARD = ROOT / "docker" / "grafana" / "dashboards" / "crd.json"
# Metrics that no panel has, and why.
NOT_SHOWN = {
    "crd_audit_checkpoint_size": "grows with every record; the lag tells whether it does",
}

_ACROSS, _HEIGHT = 24, 8  # columns of a Grafana page, rows of a panel
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture: its title, its queries by legend, the unit of its values, as Grafana names it."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    negative: bool = False  # its values may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


def _rate(metric: str, by: str, chosen: str = "") -> str:
    return f'sum by ({by}) (rate({metric}{{job="crd"{chosen}}}[$__rate_interval]))'


def _seen(metric: str, by: str) -> str:
    """The rate of what there is: many series stay at 0, and none of them needs a name."""
    return f"{_rate(metric, by)} > 0"


def _gauge(metric: str, over: str = "max", by: str = "", chosen: str = "") -> str:
    grouped = f" by ({by})" if by else ""
    return f'{over}{grouped} ({metric}{{job="crd"{chosen}}})'


def _quantile(part: float, metric: str, by: str = "le", chosen: str = "") -> str:
    return f"histogram_quantile({part}, {_rate(f'{metric}_bucket', by, chosen)})"


_TOTAL = ',phase="total"'
ROWS = (
    Row(
        title="Promises",
        panels=(
            Panel(
                title="Calls that got a 5xx, of an hour (promised: 0.1 % of a month)",
                queries={"failed": "crd:failed:ratio_rate1h", "late": "crd:late:ratio_rate1h"},
                unit="percentunit",
            ),
            Panel(
                title="Can record",
                queries={"writable": _gauge("crd_audit_writable", "min")},
                kind="stat",
                width=4,
            ),
            Panel(
                title="As it was signed",
                queries={"chain": _gauge("crd_audit_chain_ok", "min")},
                kind="stat",
                width=4,
            ),
            Panel(
                title="Beyond 5 or 10 seconds",
                queries={"{{hook}} {{limit}} s": _seen("crd_sla_breach_total", "hook,limit")},
            ),
        ),
    ),
    Row(
        title="Calls",
        panels=(
            Panel(
                title="Calls a second, by hook and status",
                queries={
                    "{{hook}} {{outcome}}": _rate("crd_hook_requests_total", "hook,outcome"),
                },
                unit="reqps",
            ),
            Panel(
                title="Calls a second, by client",
                queries={"{{client}}": _rate("crd_hook_requests_total", "client")},
                unit="reqps",
            ),
            Panel(
                title="Time of a call: median, one in twenty, one in a hundred",
                queries={
                    f"p{percent}": _quantile(
                        percent / 100, "crd_hook_duration_seconds", chosen=_TOTAL
                    )
                    for percent in (50, 95, 99)
                },
                unit="s",
            ),
            Panel(
                title="Time by phase, mean",
                queries={
                    "{{phase}}": _rate("crd_hook_duration_seconds_sum", "phase", ',phase!="total"')
                    + " / "
                    + _rate("crd_hook_duration_seconds_count", "phase", ',phase!="total"')
                },
                unit="s",
            ),
            Panel(
                title="HTTP requests a second, by path and status",
                queries={
                    "{{http_route}} {{http_response_status_code}}": _seen(
                        "http_server_request_duration_seconds_count",
                        "http_route,http_response_status_code",
                    )
                },
                unit="reqps",
                width=16,
            ),
        ),
    ),
    Row(
        title="Answers",
        panels=(
            Panel(
                title="Determinations a second",
                queries={
                    "{{covered}} {{pa_needed}} {{doc_needed}}": _seen(
                        "crd_decisions_total", "covered,pa_needed,doc_needed"
                    )
                },
            ),
            Panel(
                title="Reasons a second",
                queries={"{{reason}}": _seen("crd_decision_reasons_total", "reason")},
            ),
            Panel(
                title="Feedback a second",
                queries={"{{hook}} {{outcome}}": _seen("crd_feedback_total", "hook,outcome")},
            ),
        ),
    ),
    Row(
        title="EHRs and clients",
        panels=(
            Panel(
                title="Queries a second, by what came of them",
                queries={"{{client}} {{result}}": _rate("crd_fhir_fetch_total", "client,result")},
            ),
            Panel(
                title="EHRs by their circuit breaker",
                queries={"{{state}}": _gauge("crd_fhir_circuit_state", by="state")},
            ),
            Panel(
                title="Prefetch keys a second that did not come",
                queries={
                    "{{client}} {{key}} {{state}}": _rate(
                        "crd_prefetch_keys_total", "client,key,state", ',state!="ok"'
                    )
                },
            ),
            Panel(
                title="Refused tokens a second",
                queries={"{{client}} {{cause}}": _seen("crd_jwt_rejected_total", "client,cause")},
            ),
            Panel(
                title="Clocks of hosts ahead of the database's",
                queries={"{{instance}}": _gauge("crd_clock_offset_seconds", by="instance")},
                unit="s",
                negative=True,
            ),
            Panel(
                title="Age of the clients' keys",
                queries={"{{client}}": _gauge("crd_jwks_age_seconds", by="client")},
                unit="s",
            ),
        ),
    ),
    Row(
        title="Processes",
        panels=(
            Panel(
                title="Workers that died, an hour; 'generation': all of a host",
                queries={
                    "{{instance}} {{kind}}": "sum by (instance,kind) "
                    '(increase(crd_processes_lost_total{job="crd"}[1h]))'
                },
                width=12,
            ),
            Panel(
                title="Workers whose part of these metrics is missing",
                queries={"{{instance}}": _gauge("crd_metrics_behind", by="instance")},
                width=12,
            ),
        ),
    ),
    Row(
        title="Record",
        panels=(
            Panel(
                title="Time to make a record durable",
                queries={
                    f"p{percent}": _quantile(percent / 100, "crd_audit_write_seconds")
                    for percent in (50, 99)
                },
                unit="s",
            ),
            Panel(
                title="Journal, of its limit",
                queries={
                    "{{instance}}": _gauge("crd_audit_spool_depth", by="instance")
                    + " / "
                    + _gauge("crd_audit_spool_limit", by="instance")
                },
                unit="percentunit",
            ),
            Panel(
                title="Age of the oldest record without a checkpoint",
                queries={"lag": _gauge("crd_audit_sequencer_lag_seconds")},
                unit="s",
            ),
            Panel(
                title="Records without a checkpoint; checkpoints that have not left",
                queries={
                    "records": _gauge("crd_audit_unsequenced"),
                    "checkpoints": _gauge("crd_audit_unpublished"),
                },
            ),
        ),
    ),
    Row(
        title="Policies",
        panels=(
            Panel(
                title="Hosts by the set of policies they answer by",
                queries={"{{revision}}": _gauge("crd_policy_revision_info", "sum", "revision")},
            ),
            Panel(
                title="In force since",
                queries={
                    "{{instance}}": _gauge("crd_policy_active_timestamp_seconds", by="instance")
                    + " * 1000"
                },
                unit="dateTimeAsIso",
                kind="stat",
            ),
            Panel(
                title="Newer policies wait or are refused",
                queries={"{{instance}}": _gauge("crd_policy_behind", by="instance")},
            ),
            Panel(
                title="Sets tried, an hour",
                queries={
                    "{{result}}": 'sum by (result) (increase(crd_policy_reload_total{job="crd"}'
                    "[1h]))"
                },
            ),
            Panel(
                title="Calls a second that a set to come answered silently",
                queries={"{{verdict}}": _rate("crd_policy_shadow_total", "verdict")},
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": "crd-service",
        "title": "CRD service",
        "description": "Calls, answers, record and policies. No patient is in it.",
        "tags": ["crd"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {},
                }
            ]
        },
        "panels": list(_panels()),
    }


def queries() -> list[str]:
    """What all panels ask Prometheus."""
    return [query for row in ROWS for panel in row.panels for query in panel.queries.values()]


def text() -> str:
    """The file of the dashboard."""
    return json.dumps(dashboard(), indent=2) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for row in ROWS:
        number += 1
        place = {"x": 0, "y": top, "w": _ACROSS, "h": 1}
        yield {"id": number, "type": "row", "title": row.title, "gridPos": place, "panels": []}
        left, top = 0, top + 1
        for panel in row.panels:
            if left + panel.width > _ACROSS:
                left, top = 0, top + _HEIGHT
            number += 1
            place = {"x": left, "y": top, "w": panel.width, "h": _HEIGHT}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            left += panel.width
        top += _HEIGHT


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "fieldConfig": {
            "defaults": {"unit": panel.unit} | ({} if panel.negative else {"min": 0}),
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": legend,
            }
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


if __name__ == "__main__":
    DASHBOARD.parent.mkdir(parents=True, exist_ok=True)
    DASHBOARD.write_text(text(), "utf-8")
