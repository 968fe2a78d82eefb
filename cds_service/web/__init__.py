"""How others reach us: HTTP in, HTTP out. The only room with Flask."""
