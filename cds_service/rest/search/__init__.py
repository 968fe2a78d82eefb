"""Search: how the library is searched as FHIR (FHIR R4, search)."""
