"""Writes prdc.npz: precision and recall (k=3), density and coverage (k=5) by the package of density's authors.

    pip install prdc==0.2 && python tests/reference/prdc_figures.py
"""

from pathlib import Path

import numpy as np
from prdc import compute_prdc

CASES = {  # real rows, generated rows, dimensions, shift and spread of the generated ones
    "alike": (90, 70, 8, 0.0, 1.0),
    "shifted": (60, 80, 8, 0.7, 1.0),
    "narrow": (80, 80, 8, 0.0, 0.4),
    "wide": (50, 90, 8, 0.2, 1.8),
    "many_dimensions": (60, 40, 100, 0.0, 0.29),
}


def main() -> None:
    rng, stored = np.random.default_rng(0), {}
    for name, (n, m, dimensions, shift, spread) in CASES.items():
        # Two clusters of different width, the narrow case of one alone; float32 as features are.
        real = rng.standard_normal((n, dimensions)) * np.where(np.arange(n) % 3, 1, 0.3)[:, None]
        real[: n // 2] += 1.5
        fake = rng.standard_normal((m, dimensions)) * spread + shift
        real, fake = real.astype(np.float32), fake.astype(np.float32)
        in_double = real.astype(np.float64), fake.astype(np.float64)
        three, five = compute_prdc(*in_double, nearest_k=3), compute_prdc(*in_double, nearest_k=5)
        figures = [three["precision"], three["recall"], five["density"], five["coverage"]]
        stored.update({f"{name}/real": real, f"{name}/fake": fake, f"{name}/figures": np.array(figures)})
        print(name, figures)
    np.savez_compressed(Path(__file__).with_name("prdc.npz"), **stored)


if __name__ == "__main__":
    main()
