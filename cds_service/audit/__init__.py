"""What we said: a record of every response, durable before it leaves."""
