"""The operator's guide as its tests read it: its tables, and those that are generated.

`python tests/test_operator_guide.py` writes the generated tables into the guide.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from operating import ROOT

from cds_service.settings import Setting, all_settings
from cds_service.web.metric_table import METRICS

GUIDE = ROOT / "docker" / "README.md"
RULES = ROOT / "docker" / "prometheus" / "rules.yml"
TEXT = GUIDE.read_text("utf-8")
FLAT = re.sub(r"(?m)^ {3}", "", TEXT)  # blocks and tables of a numbered step
PROSE = re.sub(r"(?ms)^```.*?^```$", "", FLAT)  # without its blocks
SOURCES = sorted((ROOT / "cds_service").rglob("*.py"))
# Defaults that hang on other settings, in words.
_IN_WORDS: Mapping[str, str] = {
    "data_dir": "`~/.local/share/crd-service`",
    "database_url": "`crd.sqlite3` in the data directory",
    "base_url": "where it listens",
}


def settings_table() -> str:
    """Every setting: option, variable, key of the file, default, meaning."""
    heads = ("option", "variable", "in the file", "default", "meaning")
    return _table(heads, map(_setting_row, all_settings()))


def _setting_row(setting: Setting) -> tuple[str, ...]:
    first, _, switched_off = setting.option.partition("/")
    option = switched_off if setting.default is True else first
    return (
        f"`{option}`",
        f"`{setting.variable}`",
        f"`{setting.name}`",
        _IN_WORDS.get(setting.name, _shown(setting.default)),
        setting.help,
    )


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default) if default not in ("", ()) else ""


def metrics_table() -> str:
    """Every metric: name, kind, labels, meaning."""
    heads = ("metric", "kind", "labels", "meaning")
    return _table(
        heads,
        (
            (
                f"`{metric.name}`",
                metric.kind.value,
                ", ".join(f"`{label}`" for label in metric.labels),
                metric.about,
            )
            for metric in METRICS
        ),
    )


def alerts_table() -> str:
    """Every alert: name, how urgent it is, what it tells, what to do; `…` for what varies."""
    heads = ("alert", "urgency", "it tells", "what to do")
    groups = msgspec.yaml.decode(RULES.read_bytes())["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return _table(
        heads,
        (
            (
                f"`{alert['alert']}`",
                alert["labels"]["severity"],
                re.sub(r"\{\{.*?\}\}", "…", alert["annotations"]["summary"]),
                alert["annotations"]["action"],
            )
            for alert in alerts
        ),
    )


TABLES = {"settings": settings_table, "metrics": metrics_table, "alerts": alerts_table}


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    written = [tuple(heads), *map(tuple, rows)]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in written]
    return "\n".join([lines[0], "|" + "---|" * len(written[0]), *lines[1:]])


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first line begins with `| head |`."""
    (found,) = re.findall(
        rf"^\| {re.escape(head)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", FLAT, re.MULTILINE
    )
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in found.splitlines()]


def names(head: str) -> list[str]:
    """What stands in back-ticks in the first column of that table."""
    return [name for cells in rows(head) for name in in_ticks(cells[0])]


def in_ticks(text: str) -> list[str]:
    """What stands in back-ticks."""
    return re.findall(r"`([^`]+)`", text)


def texts_of_the_code() -> Iterator[str]:
    """Every text constant of the program."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def events_of_the_code() -> set[str]:
    """What log lines have as `event`."""
    code = "\n".join(source.read_text("utf-8") for source in SOURCES)
    patterns = (
        r'"event": "([\w-]+)"',
        r'"event": "[\w-]+" if [^"]* else "([\w-]+)"',
        r'log_call\([^()]*event: str = "([\w-]+)"',
        r'(?:log_call|_write)\(facts, "([\w-]+)"',
    )
    return {event for pattern in patterns for event in re.findall(pattern, code)}
