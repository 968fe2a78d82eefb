"""Secrets in addresses: what of one may be shown to people, or stand in a file that they share."""

import re

_HIDDEN = "***"
# A password before the last `@`, for there may be others in it; a parameter that is called one. A
# `passfile` is none: it names a file.
_PASSWORD = re.compile(r"(//[^/@:]*:).*(?=@)")
_PARAMETER = re.compile(
    r"([?&][^=&\"]*(?:password|token|secret|signature|api.?key)[^=&\"]*=)[^&\"]*", re.IGNORECASE
)


def hide_secrets(text: str) -> str:
    """A text with `***` in place of each password and token in an address."""
    return _PARAMETER.sub(rf"\1{_HIDDEN}", _PASSWORD.sub(rf"\1{_HIDDEN}", text))
