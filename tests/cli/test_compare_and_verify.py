import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from viz_nodes.batch.options import RenderOptions
from viz_nodes.draw import read_provenance
from vizgraph.api.columns import Column, Networks, columns_of, comparison_figure, explained, names_of
from vizgraph.api.compare import recorded


@pytest.fixture
def rendered(run, weights, photograph, tmp_path):
    """A folder of `render` with one layer, and the image."""
    image = photograph(tmp_path / "photo.png")
    done = run(
        "render",
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--img",
        image,
        "--layers",
        "6",
        "--dpi",
        "60",
        "--out",
        tmp_path / "out",
        "--workers",
        "0",
        "--format",
        "png,pdf",
    )
    assert done.exit_code == 0, done.stderr
    return tmp_path / "out" / "gcn_demo" / "photo", image


def test_compare_writes_a_figure_and_its_numbers(run, weights, photograph, tmp_path):
    image = photograph(tmp_path / "photo.png")
    done = run(
        "compare",
        "--arch",
        "gcn_demo",
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--img",
        image,
        "--layers",
        "6",
        "--dpi",
        "60",
        "--out",
        tmp_path / "out",
    )
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "out" / "compare" / "photo"
    told = json.loads((folder / "compare.json").read_text())
    (pair,) = told["pairs"]
    assert pair["edges_in_both"] == 1.0, "a network against itself"
    assert pair["cam_rank_correlation"] == pytest.approx(1.0)
    assert [column["arch"] for column in told["columns"]] == ["gcn_demo", "gcn_demo"]
    note = read_provenance(folder / "compare.png")
    assert note["columns"][0]["weights"]["sha256"] == told["columns"][0]["weights"]["sha256"]

    verified = run("verify", folder / "compare.png", "--ckpt", weights)
    assert verified.exit_code == 0, verified.stderr
    assert "same bytes" in verified.output


def test_compare_draws_on_the_original_and_verify_makes_it_again(run, weights, photograph, tmp_path, monkeypatch):
    image = photograph(tmp_path / "photo.png", size=(300, 200))
    pages = {}
    for canvas in ("input", "original"):
        done = run(
            "compare",
            "--arch",
            "gcn_demo",
            "--arch",
            "gcn_demo",
            "--ckpt",
            weights,
            "--img",
            image,
            "--layers",
            "6",
            "--dpi",
            "60",
            "--fit",
            "crop",
            "--canvas",
            canvas,
            "--out",
            tmp_path / canvas,
        )
        assert done.exit_code == 0, done.stderr
        with Image.open(tmp_path / canvas / "compare/photo/compare.png") as page:
            pages[canvas] = page.size
    assert pages["original"][0] == pages["input"][0]
    assert pages["original"][1] < pages["input"][1], "panels as wide and low as the photograph"
    verified = run("verify", tmp_path / "original/compare/photo/compare.png", "--ckpt", weights)
    assert "same bytes" in verified.output

    columns = [Column("gcn_demo", str(weights), "top1", "gradcam")] * 2
    look = RenderOptions(layers=(5,), fit="crop")
    loaded = Networks([("gcn_demo", str(weights))], device="cpu")
    for canvas, shape in (("input", (224, 224, 3)), ("original", (200, 300, 3))):
        _, shown, _ = explained(image, columns, replace(look, canvas=canvas), loaded)
        assert shown[1].image.shape == shape
        assert (shown[1].view is None) == (canvas == "input")
    left, top, right, bottom = shown[1].view
    assert right - left == pytest.approx(bottom - top, abs=1), "the crop is square"
    drawn = {}
    monkeypatch.setattr("viz_nodes.draw.compare", lambda exps, images, **more: drawn.update(more))
    comparison_figure([], shown, columns, look)
    assert drawn["view"] == [one.view for one in shown]


def test_one_column_is_a_usage_error_that_says_what_to_give(run, photograph, tmp_path):
    done = run("compare", "--arch", "gcn_demo", "--ckpt", "random", "--img", photograph(tmp_path / "photo.png"))
    assert done.exit_code == 2
    assert "--method again" in done.stderr


def test_columns_are_every_network_with_every_target_and_method():
    found = columns_of([("gcn_ti", None), ("vig_ti", "a/b.pth")], ["top1"], ["gradcam", "layercam"])
    assert found[1] == Column("graphconvnet_ti", None, "top1", "layercam")
    assert names_of(found) == [
        "graphconvnet_ti · published · Grad-CAM",
        "graphconvnet_ti · published · Layer-CAM",
        "vig_ti · b.pth · Grad-CAM",
        "vig_ti · b.pth · Layer-CAM",
    ]
    assert names_of([found[0], found[0]]) == ["graphconvnet_ti", "graphconvnet_ti"]
    look = RenderOptions(layers=(3, -1), k="all", versus="cat", kinds=("cam",))
    assert RenderOptions.of_record(json.loads(json.dumps(recorded(look)))) == look


def test_verify_makes_each_kind_of_figure_again(run, rendered, weights):
    folder, _ = rendered
    figures = [*sorted(folder.glob("*.png")), folder / "figure.pdf"]
    assert len(figures) >= 4
    done = run("verify", *figures, "--ckpt", weights)
    assert done.exit_code == 0, done.output + done.stderr
    assert done.output.count("same bytes") == len(figures)


def test_verify_sees_a_changed_pixel(run, rendered, weights):
    folder, _ = rendered
    target = folder / "layer_6_graph.png"
    with Image.open(target) as image:
        note = image.text["vizgraph"]
        pixels = np.array(image)
    pixels[40:44, 40:44] = 255 - pixels[40:44, 40:44]
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("vizgraph", note)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", pnginfo=info)
    target.write_bytes(buffer.getvalue())
    done = run("verify", target, "--ckpt", weights)
    assert done.exit_code == 1
    assert "differs" in done.output


def test_verify_accepts_the_same_pixels_from_another_program(run, rendered, weights):
    folder, _ = rendered
    target = folder / "layer_6_cam.png"
    with Image.open(target) as image:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("vizgraph", image.text["vizgraph"])
        image.load()
        image.save(target, pnginfo=info, compress_level=9)
    done = run("verify", target, "--ckpt", weights)
    assert done.exit_code == 0, done.output
    assert "same pixels" in done.output


def test_verify_refuses_another_image_and_one_that_is_gone(run, rendered, weights, photograph, tmp_path):
    folder, image = rendered
    other = photograph(tmp_path / "other.png", seed=5)
    done = run("verify", folder / "figure.png", "--img", other, "--ckpt", weights)
    assert done.exit_code == 3
    assert "SHA-256" in done.stderr
    image.unlink()
    done = run("verify", folder / "figure.png", "--ckpt", weights)
    assert done.exit_code == 3
    assert "--img" in done.stderr


def test_verify_refuses_other_weights(run, rendered, weights, tmp_path):
    folder, _ = rendered
    other = tmp_path / "other.pth"
    shutil.copy(weights, other)
    import torch

    state = torch.load(other, weights_only=True)
    state[next(iter(state))] += 1
    torch.save(state, other)
    done = run("verify", folder / "figure.png", "--ckpt", other)
    assert done.exit_code == 4


def test_verify_shows_what_a_figure_says_and_refuses_those_that_say_nothing(run, rendered, photograph, tmp_path):
    folder, _ = rendered
    done = run("verify", "--note", folder / "figure.pdf")
    assert json.loads(done.output)["options"]["layers"] == [6]
    done = run("verify", photograph(tmp_path / "plain.png"))
    assert done.exit_code == 2
    assert "does not say" in done.stderr
    assert run("verify", tmp_path / "none.png").exit_code == 2


def changed_notes(note):
    """Notes that somebody has changed: each value replaced by what it cannot be, or left out."""
    wrong = (None, [], {}, "", -1, 1e300, True, "../../x", ["x"], {"a": 1}, 10**40, "\ud800")
    for key in note:
        yield {name: value for name, value in note.items() if name != key}
        for value in wrong:
            yield {**note, key: value}
    for part in ("weights", "image", "options"):
        for key in note.get(part, {}):
            yield {**note, part: {name: value for name, value in note[part].items() if name != key}}
            for value in wrong:
                yield {**note, part: {**note[part], key: value}}


def test_no_changed_note_of_a_figure_is_a_defect_of_ours(run, rendered, weights, tmp_path, monkeypatch):
    """Every change ends as a usage error, another image or other weights; the network is loaded once."""
    from PIL.PngImagePlugin import PngInfo

    from vizgraph.api import networks
    from vizgraph.api.networks import load

    folder, image = rendered
    ready = load("gcn_demo", str(weights), device="cpu")
    monkeypatch.setattr(networks, "load", lambda *_, **__: ready)
    note = read_provenance(folder / "layer_6_cam.png")
    codes, words = {}, set()
    for number, changed in enumerate(changed_notes(note)):
        if number % 7:
            continue  # a sample, to be quick
        info = PngInfo()
        info.add_text("vizgraph", json.dumps(changed))
        Image.new("RGB", (9, 9)).save(tmp_path / "x.png", pnginfo=info)
        done = run("verify", tmp_path / "x.png", "--img", image)
        codes[done.exit_code] = codes.get(done.exit_code, 0) + 1
        words.add(done.stderr.strip().splitlines()[-1][-60:] if done.exit_code > 5 else "")
    assert set(codes) <= {1, 2, 3, 4}, (codes, words)
    assert sum(codes.values()) > 30
    for text in ('{"command":"render"}', '{"command":"compare"}', '{"command":"compare","columns":3}', "[" * 100_000):
        info = PngInfo()
        info.add_text("vizgraph", text)
        Image.new("RGB", (9, 9)).save(tmp_path / "x.png", pnginfo=info)
        assert run("verify", tmp_path / "x.png", "--img", image).exit_code == 2


def test_compare_leaves_another_comparison_and_links_alone(run, weights, photograph, tmp_path):
    image = photograph(tmp_path / "x.png")
    of = ("--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--layers", "6", "--dpi", 30, "--kinds", "cam")
    out = ("--out", tmp_path / "out")
    for other in ("fem", "layercam", "fem"):
        assert run("compare", *of, "--method", "gradcam", "--method", other, *out).exit_code == 0
    folders = sorted(path.name for path in (tmp_path / "out/compare").iterdir())
    assert folders[0] == "x"
    assert len(folders) == 2
    (tmp_path / "home").mkdir()
    shutil.rmtree(tmp_path / "out/compare")
    (tmp_path / "out/compare").mkdir()
    (tmp_path / "out/compare/x").symlink_to(tmp_path / "home")
    done = run("compare", *of, "--method", "gradcam", "--method", "fem", *out)
    assert done.exit_code == 5
    assert "is a link" in done.stderr
    assert not list((tmp_path / "home").iterdir())
