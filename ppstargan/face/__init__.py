"""Faces: masks of the high-pass features from the heatmaps of the FAN, and alignment by its landmarks."""
