"""The commands of `crd policy`: which set of policies is in service."""
