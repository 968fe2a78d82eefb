"""What the EHR says when it is asked: FHIR reads and searches, by a deadline or not at all."""
