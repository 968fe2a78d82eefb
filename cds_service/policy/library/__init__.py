"""Reading a library at start: artifacts, their shape, and the rules they compile to."""
