"""Standard streams: what a process begins with, though not if whoever started it closed them."""

import os

_STANDARD = (0, 1, 2)


def open_missing_streams() -> None:
    """Open nothing in place of each standard stream that is closed.

    Else what is opened next takes its descriptor: words for stderr would go into the store, and a
    socket would not reach the process that is to inherit it.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            # The least free descriptor, so this one: those before it are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
