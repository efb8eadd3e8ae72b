"""Folders that cannot be read, and links that lead nowhere or in a circle."""

import os
from pathlib import Path

import pytest

from ppstargan.data.dataset import find_domains
from ppstargan.data.folders import check_same_domains, find_images
from ppstargan.errors import UserError


@pytest.fixture
def train(tmp_path):
    for name in ("cat/1.jpg", "cat/more/2.jpg", "dog/1.jpg"):
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "train"


def lock(monkeypatch, folder: Path) -> None:
    """Refuses to list ``folder``, as the system does for a folder without permission, except to root."""
    real = os.scandir

    def scandir(path="."):
        if os.fspath(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.parametrize("name", [".", "cat", "cat/more"])
def test_a_folder_without_permission_is_not_called_empty(train, monkeypatch, name):
    lock(monkeypatch, train / name)
    with pytest.raises(UserError) as caught:
        find_domains(train)
    message = str(caught.value)
    assert f"cannot read folder {train / name}: Permission denied" in message and "no images" not in message


def test_a_folder_that_may_be_listed_but_not_entered(train, monkeypatch):
    monkeypatch.setattr(os.path, "exists", lambda path: False)  # what it then says of everything below
    lock(monkeypatch, train / "cat")
    with pytest.raises(UserError, match=f"cannot read folder {train}/cat: Permission denied"):
        find_domains(train)


def test_a_domain_whose_link_is_broken_is_not_missed(train, tmp_path):
    (train / "lion").symlink_to(tmp_path / "unmounted")
    with pytest.raises(UserError, match=rf"{train}/lion is a link to {tmp_path}/unmounted, which does not exist"):
        find_domains(train)


def test_a_domain_whose_link_leads_to_itself(train):
    (train / "lion").symlink_to(train / "lion")
    with pytest.raises(UserError, match=f"{train}/lion.* symbolic links"):
        find_domains(train)


def test_broken_links_to_images_are_listed(train):
    (train / "dog" / "2.jpg").symlink_to(train / "none.jpg")
    assert find_domains(train)["dog"] == [train / "dog/1.jpg", train / "dog/2.jpg"]


def test_circles_of_links_count_each_image_once_for_each_way_to_it(train):
    (train / "cat" / "here").symlink_to(".")
    assert find_images(train / "cat") == [train / "cat/1.jpg", train / "cat/more/2.jpg"]
    (train / "cat" / "more" / "up").symlink_to(train / "cat")
    assert find_images(train / "cat") == [train / "cat/1.jpg", train / "cat/more/2.jpg"]
    (train / "cat" / "dogs").symlink_to(train / "dog")
    (train / "dog" / "cats").symlink_to(train / "cat")
    assert find_images(train / "dog") == [train / "dog" / n for n in ("1.jpg", "cats/1.jpg", "cats/more/2.jpg")]


def test_both_parts_need_the_same_domains(tmp_path):
    check_same_domains(tmp_path, ["cat", "dog"], ["cat", "dog"])
    with pytest.raises(UserError, match=f"{tmp_path}: train has the domains cat, dog, and val has cat; give both"):
        check_same_domains(tmp_path, ["cat", "dog"], ["cat"])
