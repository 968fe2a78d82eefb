"""Who may ask: the clients, their keys and tokens, and what they may do."""
