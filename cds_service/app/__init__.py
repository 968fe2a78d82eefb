"""Wiring: the only place that joins the parts: the service, its memory, and what the web sees."""
