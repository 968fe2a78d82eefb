"""The narratives of artifacts, generated from the resources themselves (R4 dom-6)."""
