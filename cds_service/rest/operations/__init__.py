"""FHIR operations on the library: expansions, codes and packages, asked by GET or POST (R4)."""
