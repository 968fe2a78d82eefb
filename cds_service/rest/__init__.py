"""The library as a FHIR API: metadata, read, search, operations."""
