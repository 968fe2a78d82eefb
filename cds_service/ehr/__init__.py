"""What the EHR says when it is asked: FHIR reads and searches, answered by a deadline or not at all."""
