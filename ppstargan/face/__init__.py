"""Faces: the masks of the high-pass features, from the heatmaps of the face alignment network."""
