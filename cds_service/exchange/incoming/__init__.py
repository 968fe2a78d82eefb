"""Artifacts in: someone else's policies, read, understood, compared, checked and written."""
