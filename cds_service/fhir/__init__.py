"""What FHIR says: JSON as it travels, codings, references, dates, extensions, outcomes. Pure."""
