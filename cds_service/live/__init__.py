"""Going live: which set of policies is in service, since when, and who says so."""
