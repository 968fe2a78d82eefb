"""Artifacts out: a set as Bundles, NDJSON or a FHIR package."""
