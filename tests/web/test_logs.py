"""Log lines: one shape, an allow-list, no values of a request."""

import logging
import threading

import pytest
from web.log_lines import lines_of, written_logs

from cds_service.web.logs import LineFormatter, configure_logs, log_what_ends

SECRET = "Mustermann"  # noqa: S105
OURS = logging.getLogger("cds_service.web")
THEIRS = logging.getLogger("some_library.pool")


def test_a_line_has_time_level_and_the_named_values() -> None:
    """JSON lines keep the types of values; what is not on the list is not shown."""
    with written_logs() as stream:
        OURS.info("call", extra={"event": "call", "status": 200, "patient": SECRET})
    (line,) = lines_of(stream)

    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "cds_service.web",
        "message": "call",
        "event": "call",
        "status": 200,
    }


def test_text_lines_say_the_same_to_people() -> None:
    """Time, level, message, then names and values."""
    with written_logs("text") as stream:
        OURS.warning("watch out", extra={"cause": "the disk is full", "durations": {"read": 1.5}})

    time, level, rest = stream.getvalue().rstrip("\n").split(" ", 2)
    assert (time[10], level) == ("T", "WARNING")
    assert rest == 'watch out cause="the disk is full" durations={read: 1.5}'


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_exception_is_its_type_and_places(log_format: str) -> None:
    """Its message may hold values, and so may that of its cause."""
    with written_logs(log_format) as stream:
        try:
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                raise ValueError(f"no {SECRET}") from error
        except ValueError:
            OURS.exception("it failed")
    line = stream.getvalue()

    assert SECRET not in line
    assert "ValueError at test_logs.py:" in line
    assert "KeyError at test_logs.py:" in line
    assert len(line.splitlines()) == 1


def test_a_library_is_held_at_warnings() -> None:
    """Ours are written at the level set, theirs from warnings on, whatever they set themselves."""
    loud = logging.getLogger("alembic.loud")
    loud.setLevel(logging.DEBUG)
    with written_logs() as stream:
        OURS.debug("ours")
        THEIRS.info("theirs")
        loud.info("louder")
        THEIRS.warning("a pool of %d", 10)

    assert [line["logger"] for line in lines_of(stream)] == [OURS.name, THEIRS.name]


def test_the_texts_in_a_librarys_message_are_not_shown() -> None:
    """They may be addresses; its numbers are, and where it comes from."""
    with written_logs() as stream:
        THEIRS.warning("%s failed %d times", f"/Patient/{SECRET}", 3)
        THEIRS.warning(f"{SECRET} failed")
    messages = [line["message"] for line in lines_of(stream)]

    assert messages[0].startswith("… failed 3 times (at test_logs.py:")
    assert messages[1].startswith("at test_logs.py:")


def test_a_message_of_a_library_that_cannot_be_filled_is_shown_unfilled() -> None:
    """A mistake of theirs is no failure of ours."""
    with written_logs():
        (handler,) = (there for there in logging.getLogger().handlers if is_ours(there))
        record = THEIRS.makeRecord(
            THEIRS.name, logging.WARNING, "pool.py", 7, "%d failed", (SECRET,), None
        )
        line = handler.format(record)

    assert '"%d failed (at pool.py:7)"' in line


def is_ours(handler: logging.Handler) -> bool:
    """Whether a handler is that of `configure_logs`."""
    return isinstance(handler.formatter, LineFormatter)


def test_a_value_neither_breaks_a_line_nor_fills_the_disk() -> None:
    """Control characters are left out, and a text has an end."""
    with written_logs("text") as stream:
        OURS.error("bad", extra={"cause": "a\nERROR forged\x1b[0m" + "x" * 10_000})

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue()) < 2500


def test_a_second_configuration_takes_the_place_of_the_first() -> None:
    """No record is written twice."""
    with written_logs() as stream:
        configure_logs("json", "info", stream)
        OURS.info("once")

    assert len(lines_of(stream)) == 1


def test_what_ends_a_thread_is_a_line_without_its_message() -> None:
    """Python's own words would show the message of the exception."""

    def fail() -> None:
        raise RuntimeError(SECRET)

    with written_logs() as stream:
        log_what_ends()
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    (line,) = lines_of(stream)

    assert (line["level"], line["message"]) == ("critical", "a thread ends")
    assert line["exception"].startswith("RuntimeError at ")
    assert SECRET not in stream.getvalue()
