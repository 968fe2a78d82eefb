"""`crd audit`: the store of records, for operators and reviewers; a command is a module."""
