"""What was asked: hooks, context, configuration, version, chart, orders, memberships. Pure."""
