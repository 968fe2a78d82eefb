"""What the CRD guide says: hooks, orders, memberships, determinations, and how each version writes them. Pure."""
