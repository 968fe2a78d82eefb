"""Guarded HTTP to others: checked addresses, connection limits, a circuit breaker."""
