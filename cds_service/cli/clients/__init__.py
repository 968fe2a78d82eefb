"""`crd clients`: the clients file tried out and written to."""
