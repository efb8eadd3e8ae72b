"""Checks against figures that the authors' PyTorch code gave (the parity kit: manifest.json, one .npz a case)."""
