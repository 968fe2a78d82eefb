"""The root of all errors."""


class CrdError(Exception):
    """Any error this service raises on purpose."""
