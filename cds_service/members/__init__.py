"""What a payer knows of its members, behind seams with backends."""
