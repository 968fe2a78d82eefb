"""The rule language: FHIRPath as policies may use it, compiled to functions, with three answers."""
