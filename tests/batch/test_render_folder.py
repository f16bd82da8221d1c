"""`viz_nodes.render_folder`: a network the project has never seen, and a folder that others write into."""

from __future__ import annotations

import json
import os
import shutil
import stat

import numpy as np
import pytest
import torch
from PIL import Image

import viz_nodes
from viz_nodes.batch import manifest
from viz_nodes.batch.inputs import NoImages, UnreadableImage
from viz_nodes.batch.options import RenderOptions

FAST = {"dpi": 30, "kinds": ("cam",)}


@pytest.fixture
def net(make_net):
    return make_net().float()


def load(path):
    """An image file as `SmallGNN` takes it."""
    image = np.array(Image.open(path).convert("RGB").resize((16, 24)))
    return torch.as_tensor(image).permute(2, 0, 1)[None].float() / 255, image


@pytest.fixture
def given(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_any_network_gets_folders_that_a_second_run_leaves(net, given, tmp_path, capfd):
    first = viz_nodes.render_folder(net, given, tmp_path / "out", load=load, **FAST)
    assert [row.status for row in first.rows] == ["done"] * 3
    assert first.root == tmp_path / "out" / "SmallGNN"
    assert all(path.is_file() for path in first.paths)
    assert list(first.table["image"]) == ["0.png", "1.png", "2.png"]
    made = first.manifest("1.png")
    assert made["weights"]["source"] == "model"
    assert viz_nodes.Explanation.load(first.root / "1").model == "SmallGNN"
    again = viz_nodes.render_folder(net, given, tmp_path / "out", load=load, **FAST)
    assert (first.fresh, again.fresh) == (3, 0)
    with torch.no_grad():
        next(net.parameters()).add_(0.5)
    other = viz_nodes.render_folder(net, given, tmp_path / "out", load=load, **FAST)
    assert other.fresh == 3, "other weights"
    assert capfd.readouterr() == ("", ""), "a library prints nothing"


def test_layers_that_nobody_names_are_a_third_two_thirds_and_the_last(net, given, tmp_path):
    depth = viz_nodes.explain(net, load(given / "0.png")[0]).depth
    result = viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=load, **FAST)
    wanted = sorted({max(1, round(depth / 3)), max(1, round(2 * depth / 3)), depth})
    assert result.manifest()["options"]["layers"] == wanted
    last = viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=load, layers=[-1], **FAST)
    assert last.manifest()["options"]["layers"] == [depth]


def test_threads_are_as_they_were(net, given, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=load, layers=[0], **FAST)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_result_of_another_version_is_made_again(net, given, tmp_path):
    go = lambda: viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=load, layers=[0], **FAST)  # noqa: E731
    result = go()
    path = result.root / "0" / manifest.NAME
    made = json.loads(path.read_text())
    for key in ("made_by", "version"):
        path.write_text(json.dumps({**made, key: "other" if isinstance(made[key], str) else 99}))
        assert go().fresh == 1, key
        assert go().fresh == 0


def test_check_compares_what_is_in_the_files(net, given, tmp_path):
    go = lambda **more: viz_nodes.render_folder(  # noqa: E731
        net, given / "0.png", tmp_path / "out", load=load, layers=[0], **FAST, **more
    )
    figure = go().paths[0]
    data = bytearray(figure.read_bytes())
    data[-20] ^= 1
    figure.write_bytes(data)
    assert go().fresh == 0, "the same length"
    assert go(check=True).fresh == 1
    assert figure.read_bytes() != bytes(data)
    assert go(check=True).fresh == 0


def test_own_figures_are_no_input_wherever_they_lie(net, given, tmp_path):
    for out in (given, given / "results", tmp_path / "elsewhere"):
        result = viz_nodes.render_folder(net, given, out, load=load, layers=[0], **FAST)
        assert [row.image for row in result.rows] == ["0.png", "1.png", "2.png"]
    assert len(result.left_out) == 2 * 3 * 2
    figure = given / "results" / "SmallGNN" / "0" / "figure.png"
    alone = viz_nodes.render_folder(net, figure, tmp_path / "alone", load=load, layers=[0], **FAST)
    assert alone.fresh == 1, "a figure that is named is meant"


def test_nothing_is_written_through_links_in_the_folder_of_results(net, given, tmp_path):
    home, out = tmp_path / "home", tmp_path / "out" / "SmallGNN"
    home.mkdir()
    out.mkdir(parents=True)
    for name in ("figure.png", "notes", "table"):
        (home / name).write_text("mine")
    (out / "0").symlink_to(home)
    (out / "batch.jsonl").symlink_to(home / "notes")
    os.mkfifo(out / "summary.csv")
    (out / "1").mkdir()
    (out / "1" / "figure.png").symlink_to(home / "table")
    os.mkfifo(out / "1" / manifest.NAME)
    result = viz_nodes.render_folder(net, given, tmp_path / "out", load=load, layers=[0], **FAST)
    assert [row.status for row in result.rows] == ["failed", "done", "done"]
    assert "is a link" in result.failed["0.png"]
    assert {path.name: path.read_text() for path in home.iterdir()} == dict.fromkeys(
        ("figure.png", "notes", "table"), "mine"
    )
    assert not (out / "batch.jsonl").is_symlink()
    assert stat.S_ISREG((out / "summary.csv").stat().st_mode)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "SmallGNN").symlink_to(home)
    with pytest.raises(OSError, match="is a link"):
        viz_nodes.render_folder(net, given, tmp_path / "out", load=load, layers=[0], **FAST)
    (tmp_path / "linked").symlink_to(tmp_path / "big", target_is_directory=True)
    (tmp_path / "big").mkdir()
    named = viz_nodes.render_folder(net, given, tmp_path / "linked", load=load, layers=[0], **FAST)
    assert named.fresh == 3, "the folder itself may be a link: the user named it"


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_folder_that_vanishes_ends_the_run(net, given, tmp_path, when):
    seen = []

    def moves_it_away(path):
        seen.append(path)
        if len(seen) == when:
            (tmp_path / "out").rename(tmp_path / "gone")
        return load(path)

    with pytest.raises(FileNotFoundError, match="removed or replaced"):
        viz_nodes.render_folder(net, given, tmp_path / "out", load=moves_it_away, layers=[0], **FAST)


def test_a_result_that_is_taken_away_is_not_claimed(net, given, tmp_path):
    def takes_one_away(path):
        if path.name == "2.png":
            shutil.rmtree(tmp_path / "out" / "SmallGNN" / "0")
        return load(path)

    with pytest.raises(FileNotFoundError, match="removed while the run went on"):
        viz_nodes.render_folder(net, given, tmp_path / "out", load=takes_one_away, layers=[0], **FAST)


def test_the_hash_is_of_the_bytes_that_were_explained(net, given, tmp_path):
    from viz_nodes.files import sha256_of

    other = (given / "1.png").read_bytes()
    image = given / "0.png"

    def is_overtaken(path):
        sample = load(path)
        if path.read_bytes() != other:
            path.write_bytes(other)  # after it was read
        return sample

    result = viz_nodes.render_folder(net, image, tmp_path / "out", load=is_overtaken, layers=[0], **FAST)
    assert result.manifest()["image"]["sha256"] == sha256_of(image)
    alone = viz_nodes.render_folder(net, given / "1.png", tmp_path / "two", load=load, layers=[0], **FAST)
    read = [viz_nodes.Explanation.load(one.root / one.rows[0].folder) for one in (result, alone)]
    assert torch.equal(read[0].logits, read[1].logits), "explained are the bytes that were hashed"

    def never_rests(path):
        sample = load(path)
        path.write_bytes(path.read_bytes() + b"x")
        return sample

    with pytest.raises(UnreadableImage, match="changes while it is read"):
        viz_nodes.render_folder(net, image, tmp_path / "three", load=never_rests, layers=[0], **FAST)


def damaged(made):
    """Manifests that others have changed: each value replaced by what it cannot be."""
    wrong = (None, [], {}, "", "../../x", "/tmp/x", -1, 1.5, True, [1], {"a": 1}, "\x00")
    for key in (*manifest.IDENTITY, "image", "outputs", "predicted", "explained", "warnings"):
        for value in wrong:
            yield {**made, key: value}
        yield {name: value for name, value in made.items() if name != key}
    for key in made["image"]:
        for value in (*wrong, [10**30, 1], [0.0, 0.0, 0.0, 0.0], [float("nan")] * 4):
            yield {**made, "image": {**made["image"], key: value}}
    for name in ("../x", "/tmp/x", "a/b", "..", "\x00", "figure.png"):
        for about in (None, [], {"bytes": "many"}, {"bytes": 3}):
            yield {**made, "outputs": {name: about}}


def test_no_damaged_manifest_ends_a_run_or_leads_outside(net, given, tmp_path):
    result = viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=load, layers=[0], **FAST)
    folder = result.root / "0"
    path = folder / manifest.NAME
    made, count = json.loads(path.read_text()), 0
    for changed in damaged(made):
        path.write_text(json.dumps(changed))
        found = manifest.read(folder)
        if found is not None:
            assert isinstance(manifest.is_whole(folder, found), bool)
            assert manifest.is_plain_name(found["arch"])
            assert ".." not in found["image"]["relative"]
        count += 1
    assert count > 200
    for text in (
        "[" * 100_000,
        "",
        "nul",
        "{" * 50,
        '{"format": "vizgraph render"}',
        "\udcff".encode("utf-8", "ignore"),
    ):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert manifest.read(folder) is None
    assert viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=load, layers=[0], **FAST).fresh == 1


def test_what_cannot_be_meant_is_said_at_once(net, given, tmp_path):
    with pytest.raises(TypeError, match="did you mean layers"):
        viz_nodes.render_folder(net, given, tmp_path / "out", load=load, layrs=[0])
    for wrong in ({"k": 0}, {"kinds": ()}, {"formats": ("gif",)}, {"dpi": 5}, {"layers": "1"}, {"centers": [(2, 0)]}):
        with pytest.raises(ValueError, match="must"):
            viz_nodes.render_folder(net, given, tmp_path / "out", load=load, **wrong)
    with pytest.raises(ValueError, match="did you mean gradcam"):
        viz_nodes.render_folder(net, given, tmp_path / "out", load=load, method="gradcm")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoImages):
        viz_nodes.render_folder(net, tmp_path / "empty", tmp_path / "out", load=load)
    with pytest.raises(UnreadableImage, match="no such file"):
        viz_nodes.render_folder(net, tmp_path / "missing.png", tmp_path / "out", load=load)
    with pytest.raises(TypeError, match="pixels and image"):
        viz_nodes.render_folder(net, given / "0.png", tmp_path / "out", load=lambda path: 1, layers=[0])
    assert not (tmp_path / "out" / "SmallGNN" / "0").exists()


def test_options_come_back_from_their_record():
    from viz_nodes.draw import Style

    for options in (
        RenderOptions(),
        RenderOptions(layers=(0, 5), centers=((0.5, 0.25),), k="all", target=3, order="share", hops=2, title="x"),
        RenderOptions(style=Style(alpha=0.5, contours=True), palette="viridis", bands=("red", 4)),
    ):
        assert RenderOptions.of_record(json.loads(json.dumps(options.record()))) == options


def test_edges_by_effect_and_over_hops_are_drawn(net, given, tmp_path):
    """All layers are explained for these, and only those that were named are drawn."""
    plain = viz_nodes.render_folder(
        net, given / "0.png", tmp_path / "plain", load=load, layers=[1], kinds=("graph",), dpi=40
    )
    for more in ({"order": "effect", "k": 2}, {"color": "effect"}, {"hops": 2}):
        drawn = viz_nodes.render_folder(
            net, given / "0.png", tmp_path / "out", load=load, layers=[1], kinds=("graph",), dpi=40, **more
        )
        folder = drawn.root / "0"
        assert sorted(path.name for path in folder.glob("layer_*")) == ["layer_2_graph.png"]
        assert (folder / "layer_2_graph.png").read_bytes() != (plain.root / "0" / "layer_2_graph.png").read_bytes()
        assert len(viz_nodes.Explanation.load(folder).layers) > 1


class Refuses(torch.nn.Module):
    """A network that cannot do with bright corners."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, pixels):
        if (pixels[:, :, 0, 0] == 1).all(1).any():
            raise RuntimeError("too bright a corner")
        return self.net(pixels)


def test_an_image_that_a_network_fails_on_fails_alone(net, given, tmp_path):
    pixels = np.array(Image.open(given / "1.png"))
    pixels[0, 0] = 255
    Image.fromarray(pixels).save(given / "1.png")

    def exact(path):
        image = np.array(Image.open(path))
        return torch.as_tensor(image).permute(2, 0, 1)[None].float() / 255, image

    first = viz_nodes.render_folder(Refuses(net), given, tmp_path / "out", load=exact, batch=16, **FAST)
    assert [row.status for row in first.rows] == ["done", "failed", "done"]
    assert "too bright a corner" in first.rows[1].error
    again = viz_nodes.render_folder(Refuses(net), given, tmp_path / "out", load=exact, batch=16, **FAST)
    assert (again.fresh, [row.status for row in again.rows]) == (0, ["done", "failed", "done"])


def test_an_image_whose_edges_cannot_be_cut_fails_alone(net, given, tmp_path, monkeypatch):
    from viz_nodes.batch.explainer import Explainer

    own, calls = Explainer.measured, []

    def sometimes(self, sample, exp):
        calls.append(exp)
        if len(calls) == 2:
            raise ValueError("no cutting here")
        return own(self, sample, exp)

    monkeypatch.setattr(Explainer, "measured", sometimes)
    rendered = viz_nodes.render_folder(net, given, tmp_path / "out", load=load, batch=3, **FAST)
    assert [row.status for row in rendered.rows] == ["done", "failed", "done"]


def activation_of(scale):
    def output(raw):
        return raw * scale

    return output


def test_a_callable_is_recorded_by_what_identifies_it(net, given, tmp_path):
    options = {"load": load, **FAST}
    first = viz_nodes.render_folder(net, given, tmp_path / "out", explain={"output": activation_of(1.0)}, **options)
    asked = first.manifest("0.png")["options"]["explain"]["output"]
    assert asked["name"].endswith("activation_of.<locals>.output")
    assert len(asked["source"]) == 64
    assert asked["closes over"] == {"scale": 1.0}
    same = viz_nodes.render_folder(net, given, tmp_path / "out", explain={"output": activation_of(1.0)}, **options)
    other = viz_nodes.render_folder(net, given, tmp_path / "out", explain={"output": activation_of(2.0)}, **options)
    assert (same.fresh, other.fresh) == (0, 3)


def test_what_has_no_source_says_so():
    from viz_nodes.batch.identity import identified

    assert identified(len) == {"name": "builtins.len", "source": None}
    about = identified(viz_nodes.capture.Ignore("stem"))
    assert about["object"]["name"].endswith(".Ignore")
    assert about["attributes"] == {"names": ["stem"]}
    assert identified(torch.zeros(2)) != identified(torch.ones(2))
