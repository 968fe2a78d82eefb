"""What an author needs: a library checked, and its cases run. Never on the path of a call."""
