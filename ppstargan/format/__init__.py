"""What a file of weights may hold: read safely, of the right form, finite, and others told from ours."""
