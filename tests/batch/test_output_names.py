"""Every image gets a folder of its own, whatever the names."""

from __future__ import annotations

import os
import unicodedata

import pytest

from viz_nodes.batch import inputs
from viz_nodes.batch.naming import folder_names, marked


def folders_of(*given, out=None):
    found = list(inputs.items(given, out))
    return {item.relative: item.folder for item in found}


def touch(folder, *names):
    for name in names:
        target = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(b"x")


def test_a_folder_is_called_like_the_file_without_extension():
    assert folder_names(["cat.jpg", "dog.tar.png"]) == {"cat.jpg": "cat", "dog.tar.png": "dog.tar"}


def test_files_that_differ_in_extension_keep_it():
    assert folder_names(["a.jpg", "a.png", "b.png"]) == {"a.jpg": "a.jpg", "a.png": "a.png", "b.png": "b"}


@pytest.mark.parametrize(
    "names",
    [
        ["A.jpg", "a.jpg"],
        ["A.jpg", "a.jpg", "a.png", "A.PNG"],
        [unicodedata.normalize("NFC", "é.jpg"), unicodedata.normalize("NFD", "é.jpg")],
        ["straße.jpg", "STRASSE.jpg"],
        ["a.jpg", "a.jpg.png", "a.png"],
        ["manifest.json.jpg", "figure.png.jpg", "figure.jpg"],
    ],
)
def test_twins_differ_even_where_case_is_ignored(names):
    folders = folder_names(names).values()
    assert len({unicodedata.normalize("NFC", folder.casefold()) for folder in folders}) == len(names)


def test_no_folder_is_called_like_a_file_beside_it():
    for name in ("batch.jsonl.png", "summary.csv.jpg", "manifest.json.jpg", "figure.png.png"):
        (folder,) = folder_names([name]).values()
        assert folder not in ("batch.jsonl", "summary.csv", "manifest.json", "figure.png")


def test_an_image_beside_a_directory_of_its_name_does_not_share_its_folder():
    assert folder_names(["a.jpg", "b.jpg"], ["a"]) == {"a.jpg": "a.jpg", "b.jpg": "b"}


def test_marks_fit_into_the_longest_name():
    name = "é" * 125 + ".jpg"
    assert len(os.fsencode(name)) == 254
    assert len(os.fsencode(marked(name))) <= 255
    assert marked(name).startswith("é" * 100)


def test_marks_tell_undecodable_names_apart():
    first, second = os.fsdecode(b"\xff.jpg"), os.fsdecode(b"\xfe.jpg")
    assert marked(first) != marked(second)


def test_folders_follow_the_tree(tmp_path):
    touch(tmp_path, "a.jpg", "sub/b.jpg", "sub/deep/c.png", "notes.txt", ".hidden.jpg", ".git/d.jpg")
    assert folders_of(tmp_path) == {"a.jpg": "a", "sub/b.jpg": "sub/b", "sub/deep/c.png": "sub/deep/c"}


def test_the_order_is_that_of_the_names_bytes(tmp_path):
    touch(tmp_path, b"b.jpg", b"\xff.jpg", b"a.jpg", b"B.jpg")
    assert [os.fsencode(item.relative) for item in inputs.items([tmp_path])] == [
        b"B.jpg",
        b"a.jpg",
        b"b.jpg",
        b"\xff.jpg",
    ]


def test_loops_of_directories_end_and_give_no_image_twice(tmp_path):
    given = tmp_path / "in"
    touch(given, "a.jpg", "sub/b.jpg")
    (given / "self").symlink_to(given)
    (given / "sub" / "up").symlink_to(tmp_path)
    (given / "again").symlink_to(given / "sub")
    assert sorted(folders_of(given)) == ["a.jpg", "sub/b.jpg"]


def test_a_linked_directory_elsewhere_is_searched_once(tmp_path):
    touch(tmp_path / "elsewhere", "x.jpg")
    given = tmp_path / "in"
    touch(given, "a.jpg")
    (given / "link").symlink_to(tmp_path / "elsewhere")
    (given / "link2").symlink_to(tmp_path / "elsewhere")
    assert folders_of(given) == {"a.jpg": "a", "link/x.jpg": "link/x"}


def test_results_in_the_folder_given_are_no_input(tmp_path):
    touch(tmp_path, "a.jpg", "viz_output/gcn_ti/a/figure.png")
    assert folders_of(tmp_path, out=tmp_path / "viz_output") == {"a.jpg": "a"}


def test_files_of_one_name_from_two_places_differ(tmp_path):
    touch(tmp_path, "one/x.jpg", "two/x.jpg")
    found = list(inputs.items([tmp_path / "one/x.jpg", tmp_path / "two/x.jpg"]))
    assert found[0].folder == "x"
    assert found[1].folder.startswith("x~")
    again = list(inputs.items([tmp_path / "one", tmp_path / "two"]))
    assert [item.folder for item in again] == [item.folder for item in found]


def test_the_same_file_given_twice_is_one(tmp_path):
    touch(tmp_path, "x.jpg")
    assert len(list(inputs.items([tmp_path / "x.jpg", tmp_path / "x.jpg", tmp_path]))) <= 2


def test_a_folder_without_images_is_a_usage_error(tmp_path):
    with pytest.raises(inputs.NoImages, match="no image"):
        inputs.count([tmp_path])
