"""Class names: a network's own, else ImageNet's for 1000 classes, else none."""

from __future__ import annotations

import pytest
from torch import nn

from vizgraph.data import imagenet_names, imagenet_synsets, labels_of, synset_index
from vizgraph.data.labels import read_labels
from vizgraph.errors import UsageError


def _network(classes=None, **cfg):
    module = nn.Identity()
    module.pretrained_cfg = cfg
    if classes is not None:
        module.num_classes = classes
    return module


def test_own_names_come_first():
    assert labels_of(_network(3, label_names=["ant", "bee", "cat"])) == ("ant", "bee", "cat")
    names = [f"kind {number}" for number in range(1000)]
    assert labels_of(_network(1000, label_names=names)) == tuple(names)


def test_a_network_known_to_be_of_imagenet_has_its_names():
    names = labels_of(_network(1000, tag="in1k"))
    assert names == labels_of(_network(num_classes=1000, tag="a1_in1k")) == imagenet_names()
    assert (names[0], names[207], names[281], names[999]) == ("tench", "golden retriever", "tabby", "toilet tissue")


def test_other_networks_have_none():
    assert labels_of(_network(10)) is None
    assert labels_of(_network(1000)) is None  # identities, or anything else
    assert labels_of(_network(1000, tag="augreg_in21k")) is None
    assert labels_of(_network(10, tag="in1k")) is None
    assert labels_of(nn.Identity()) is None
    assert labels_of(_network(4, label_names=["ant", "bee", "cat"])) is None


def test_no_two_imagenet_names_are_the_same():
    assert len(set(imagenet_names())) == 1000
    assert imagenet_names()[134] == "crane (bird)"
    assert imagenet_names()[517] == "crane (machine)"


def test_synsets_are_in_the_order_of_the_classes():
    assert synset_index("n01440764") == 0
    assert [synset_index(synset) for synset in imagenet_synsets()] == list(range(1000))
    with pytest.raises(ValueError, match="'n00000000'"):
        synset_index("n00000000")


FILES = {
    "lines.txt": "ant\nbee\n\ncat\n",
    "numbered.txt": "2 cat\n0 ant\n1 bee\n",
    "colons.names": "0: ant\n1: bee\n2: cat",
    "bom.txt": "\ufeffant\r\nbee\r\ncat\r\n",
    "list.json": '["ant", "bee", "cat"]',
    "by_number.json": '{"2": "cat", "0": "ant", "1": "bee"}',
    "by_name.json": '{"cat": 2, "ant": 0, "bee": 1}',
    "from_one.json": '{"1": "ant", "2": "bee", "3": "cat"}',
    "keras.json": '{"0": ["n1", "ant"], "1": ["n2", "bee"], "2": ["n3", "cat"]}',
    "config.json": '{"id2label": {"0": "ant", "1": "bee", "2": "cat"}, "x": 1}',
    "coco.json": '{"categories": [{"id": 3, "name": "cat"}, {"id": 1, "name": "ant"}, {"id": 2, "name": "bee"}]}',
    "names.yaml": "names:\n  0: ant\n  1: bee\n  2: cat\n",
    "list.yml": "- ant\n- bee\n- cat\n",
    "head.csv": "index,name\n1,bee\n0,ant\n2,cat\n",
    "swapped.csv": "label,id\ncat,2\nant,0\nbee,1\n",
    "bare.csv": "0,ant\n1,bee\n2,cat\n",
    "one.csv": "ant\nbee\ncat\n",
    "semicolon.csv": "class;class_id\nant;0\nbee;1\ncat;2\n",
    "tab.tsv": "id\tname\n0\tant\n1\tbee\n2\tcat\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_names_of_any_kind(name, tmp_path):
    (tmp_path / name).write_bytes(FILES[name].encode())
    assert read_labels(tmp_path / name) == read_labels(str(tmp_path / name)) == ("ant", "bee", "cat")


def test_folders_imagenet_and_names_themselves(tmp_path):
    for name in ("cat", "ant", "bee", ".ipynb_checkpoints"):
        (tmp_path / name).mkdir()
    assert read_labels(tmp_path) == read_labels(["ant", "bee", "cat"]) == ("ant", "bee", "cat")
    assert read_labels("imagenet") == imagenet_names()
    assert read_labels(None) is None


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gap.json", '{"0": "ant", "2": "cat"}', "neither a list of names"),
        ("mixed.json", '["ant", 3]', "neither a list of names"),
        ("broken.json", "[", "cannot be read"),
        ("deep.json", "[" * 100_000, "cannot be read"),
        ("bomb.yaml", "a: &a [x,x]\nb: &b [*a,*a]\n", "neither a list of names"),
        ("broken.yaml", "{", "cannot be read"),
        ("empty.txt", "", "holds no class names"),
        ("long.txt", "x" * 301, "longer than 300"),
        ("binary.txt", b"\xff\xfe\x00\x01", "cannot be read"),
        ("gap.csv", "id,name\n0,ant\n5,bee\n", "neither a list of names"),
    ],
)
def test_files_that_hold_no_names(name, content, says, tmp_path):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=says) as error:
        read_labels(tmp_path / name)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_file_of_names_that_is_not_there(tmp_path):
    for place in (tmp_path / "none.txt", "~nobodyhere/x.txt"):
        with pytest.raises(UsageError, match="is no file"):
            read_labels(place)
