"""How processes end: in words, and as an exit status."""

import signal

_KILLED = 128  # and the number of the signal: how shells have it


def ended_by(code: int) -> str:
    """The exit status, or the signal, that is behind the `returncode` of a process."""
    if code >= 0:
        return f"status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal, which has a number alone
        return f"signal {-code}"


def as_status(code: int) -> int:
    """The exit status of a process that ends as another did, whose `returncode` this is."""
    return code if code >= 0 else _KILLED - code
