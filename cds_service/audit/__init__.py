"""What we said: a durable record of every answer, before it leaves."""
