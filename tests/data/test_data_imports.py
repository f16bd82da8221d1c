"""Importing the room of data costs nothing until a name is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vizgraph.data


def test_the_package_itself_imports_nothing_heavy():
    heavy = "torch", "timm", "cv2", "skimage", "sklearn"
    check = f"import sys, vizgraph.data; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_images_open_without_the_scenes_extra_and_without_torch():
    check = (
        "import sys; sys.modules['skimage'] = sys.modules['sklearn'] = None\n"
        "from vizgraph.data import open_image, bundled_images\n"
        "print(open_image(bundled_images()[0]).shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "(224, 224, 3) False"


@pytest.mark.parametrize("name", vizgraph.data.__all__)
def test_every_public_name_is_there(name):
    assert getattr(vizgraph.data, name) is not None


def test_other_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'laod_image'"):
        _ = vizgraph.data.laod_image
