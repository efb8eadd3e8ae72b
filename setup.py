"""Packaging. The package requires no Paddle itself: two distributions fill one folder, and AI Studio has it already."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / "ppstargan" / "__init__.py").read_text(encoding="utf-8")).group(1)

setup(
    name="ppstargan",
    version=VERSION,
    description="StarGAN v2 and the GANs that it grew from in PaddlePaddle, each proved equal to PyTorch code",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    # In a wheel, tools/ and configs/ lie in the package: there the command below, and -c toy, find them.
    packages=[*find_packages(include=["ppstargan", "ppstargan.*"]), "ppstargan.tools", "ppstargan.configs"],
    package_dir={"ppstargan.tools": "tools", "ppstargan.configs": "configs"},
    package_data={"ppstargan.configs": ["*.yaml"]},
    entry_points={"console_scripts": ["ppstargan = ppstargan.__main__:main"]},
    python_requires=">=3.8",
    install_requires=[
        "numpy>=1.21",
        "opencv-python>=4.5.5",
        "pillow>=9.1",
        "pyyaml>=6.0",
        "scikit-image>=0.19",  # and with it SciPy, which is used too
        "visualdl>=2.5.3",
    ],
    extras_require={
        "cpu": ["paddlepaddle>=2.6.2"],
        "gpu": ["paddlepaddle-gpu>=2.6.2", "numpy<2"],  # PyPI's newest build is 2.6.2, which was built for NumPy 1
        "report": ["reprod_log>=1.0.1"],
        "video": ["av>=12"],  # brings an H.264 encoder; its wheels hold libraries under the GPL
        "heic": ["pillow-heif>=0.10", "pillow-avif-plugin>=1.3"],  # Pillow 11.3 and later read AVIF without
        "demo": ["gradio>=6.31; python_version >= '3.10'"],
        "onnx": ["paddle2onnx>=1.3.1", "onnxruntime>=1.20"],
        "test": [
            "pytest>=7.0",
            "pytest-xdist>=3.0",
            "ruff>=0.6",
            "reprod_log>=1.0.1",
            "av>=12",
            "nbclient>=0.8",
            "ipykernel>=6.0",
        ],
    },
)
