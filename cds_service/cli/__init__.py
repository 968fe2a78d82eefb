"""The `crd` command: a module a command, joined in `main`."""
