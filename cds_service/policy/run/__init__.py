"""Running compiled rules: the index, conditions, and what they determine for an order."""
