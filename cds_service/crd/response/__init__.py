"""What goes back: coverage information and cards, as each CRD version has them. Pure."""
