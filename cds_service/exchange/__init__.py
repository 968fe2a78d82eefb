"""Artifacts in and out: export, import, package, portable view."""
