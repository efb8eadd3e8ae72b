"""What many tests share."""

import pytest

from ppstargan.data.toy import write_dataset


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "toy"
    write_dataset(root, size=32, train_count=4, val_count=2, seed=0)
    return root
