"""What the payer says: library artifacts, compiled once into an immutable index of rules."""
