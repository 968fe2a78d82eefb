"""What holds: determinations, how they combine, and the answer for an order. Pure."""
