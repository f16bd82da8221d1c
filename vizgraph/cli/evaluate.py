"""`vizgraph evaluate`: accuracy, calibration, and on the bundled scenes whether the network looked at the object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vizgraph.cli.errors import BAD_CHECKPOINT, CANNOT_WRITE, SOME_FAILED, USAGE, Failure
from vizgraph.cli.options import ckpt, debug, device, no_ema, out, sha256, together

EPILOG = """\b
  vizgraph evaluate --arch gcn_demo --data scenes --split test
  vizgraph evaluate --arch gcn_ti --data /data/imagenet --split val
  vizgraph evaluate --arch gcn_ti --ckpt runs/finetune/best.pth.tar --data photos --save
  torchrun --nproc-per-node 8 -m vizgraph evaluate --arch vig_s --data /data/imagenet
"""
NUMBERS = 3


def _numbers(_: Any, __: Any, value: str | None) -> list[float] | None:
    """ "0.5" or "0.485,0.456,0.406" as three numbers."""
    if value is None:
        return None
    try:
        read = [float(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number nor three") from None
    if len(read) not in (1, NUMBERS):
        raise click.BadParameter(f"{value!r} is neither a number nor three")
    return read * NUMBERS if len(read) == 1 else read


def _size(_: Any, __: Any, value: str | None) -> list[int] | None:
    """ "224" or "224x320" (height x width) as two numbers."""
    if value is None:
        return None
    try:
        read = [int(part) for part in value.lower().split("x")]
    except ValueError:
        read = []
    if len(read) not in (1, 2) or min(read) < 1:
        raise click.BadParameter(f"{value!r} is not a size such as 224 or 224x320 (height x width)")
    return read * 2 if len(read) == 1 else read


@click.command(epilog=EPILOG)
@click.option("--arch", metavar="NAME", help="Architecture, such as gcn_ti; `vizgraph models` lists them.")
@together(ckpt, no_ema, sha256)
@click.option(
    "--data",
    metavar="WHERE",
    required=True,
    help="A folder (a folder a class), 'scenes', or hfds/NAME, wds/NAME, tfds/NAME.",
)
@click.option("--root", metavar="FOLDER", help="Where the images of hfds/, wds/ or tfds/ data lie.")
@click.option(
    "--split", metavar="NAME", default="validation", show_default=True, help="Split; of the scenes: val or test."
)
@click.option(
    "--size", metavar="N", type=click.IntRange(1), help="Measure on the first N samples.  [default: all; 2000 scenes]"
)
@click.option(
    "--batch", metavar="N", type=click.IntRange(1), default=64, show_default=True, help="Images a forward pass."
)
@click.option(
    "--workers", metavar="N", type=click.IntRange(0), default=2, show_default=True, help="Processes that load."
)
@click.option("--input-size", metavar="PIXELS", callback=_size, help="Instead of the weights' own, 224 or 224x320.")
@click.option("--mean", metavar="M", callback=_numbers, help="Instead of the weights' own, 0.5 or 0.485,0.456,0.406.")
@click.option("--std", metavar="S", callback=_numbers, help="Likewise.")
@click.option("--crop-pct", metavar="SHARE", type=click.FloatRange(0, 1, min_open=True), help="Likewise.")
@click.option("--interpolation", type=click.Choice(("bilinear", "bicubic", "nearest", "lanczos")), help="Likewise.")
@click.option(
    "--amp", type=click.Choice(("none", "bf16", "fp16")), default="none", show_default=True, help="Precision."
)
@click.option(
    "--real", metavar="FILE", type=click.Path(path_type=Path), help="real.json of ImageNet-ReaL, to count by it too."
)
@click.option("--save", is_flag=True, help="Write every prediction to predictions.csv.")
@click.option(
    "--localization/--no-localization",
    "--localisation/--no-localisation",
    "localize",
    default=True,
    help="On the scenes: whether the peak of the last layer lies on the object.  [default: yes]",
)
@together(device, out)
@debug
def command(arch: str | None, ckpt: str | None, no_ema: bool, sha256: str | None, device: str, **options: Any) -> None:
    """Measure a network on a data set."""
    from vizgraph.checkpoints import CheckpointError
    from vizgraph.errors import TrainingError
    from vizgraph.training.ranks import joined
    from vizgraph.training.saving import CannotWrite

    try:
        with joined(device) as ranks:
            _measure(ranks, arch, ckpt, no_ema, sha256, options)
    except CannotWrite as error:
        raise Failure("evaluate", str(error), code=CANNOT_WRITE) from error
    except TrainingError as error:
        raise Failure("evaluate", str(error), code=SOME_FAILED) from error
    except CheckpointError as error:
        raise Failure("--ckpt", str(error), code=BAD_CHECKPOINT) from error


def _measure(
    ranks: Any, arch: str | None, ckpt: str | None, no_ema: bool, sha256: str | None, options: dict[str, Any]
) -> None:
    import torch

    from vizgraph.cli.networks import load
    from vizgraph.training.evaluate import evaluate, read_real_labels, write

    model = load(arch, ckpt, no_ema=no_ema, sha256=sha256, device=str(ranks.device), quiet=not ranks.first)
    data = _data(options)
    if options["amp"] == "fp16" and ranks.device.type == "cpu":
        raise Failure("--amp", "fp16 needs a GPU", "use bf16 or none", code=USAGE)
    evaluation = evaluate(
        model,
        data,
        ranks,
        split=options["split"],
        save=options["save"],
        real=None if options["real"] is None else read_real_labels(options["real"]),
        amp={"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}[options["amp"]],
    )
    located = None
    if data.name == "scenes" and options["localize"]:
        located = localization(model, data, ranks, split=options["split"], preprocessing=evaluation.preprocessing)
    if not ranks.first:
        return
    info = getattr(model, "checkpoint_info", None)
    name = getattr(info, "arch", None) or arch or type(model).__name__
    more: dict[str, Any] = {
        "arch": name,
        "weights": str(info) if info is not None else "",
        "data": options["data"],
        "split": options["split"],
    }
    published = _published(name, info, evaluation)
    if published is not None:
        more["published_top1"] = published
    if located is not None:
        more["localization"] = located
    where = Path(options["data"]).name if data.name == "" else options["data"].replace("/", "-")
    folder = options["out"] / name / "evaluation" / f"{where or 'data'}-{options['split']}"
    written = write(evaluation, folder, more)
    _tell(evaluation, published, located)
    click.echo(f"written to {folder}: {', '.join(path.name for path in written)}", err=True)


def _data(options: dict[str, Any]) -> Any:
    from vizgraph.training.config import DataConfig

    where = options["data"]
    other = where == "scenes" or where.partition("/")[0].lower() in ("hfds", "hfids", "wds", "tfds", "torch")
    return DataConfig(
        name=where if other else "",
        root=options["root"] if other else where,
        val_split=options["split"],
        batch_size=options["batch"],
        workers=options["workers"],
        val_size=options["size"],
        input_size=options["input_size"],
        mean=options["mean"],
        std=options["std"],
        interpolation=options["interpolation"],
        crop_pct=options["crop_pct"],
    )


def _published(arch: str, info: Any, evaluation: Any) -> float | None:
    """The published top-1 of these weights or else of the architecture, on ImageNet only."""
    from vizgraph.checkpoints.catalog import ARCHITECTURES

    if len(evaluation.labels) != 1000 or ("synset" not in evaluation.matched and "number" not in evaluation.matched):
        return None
    known = ARCHITECTURES.get(arch)
    if known is None:
        return None
    digest = getattr(info, "sha256", "") or ""
    for weights in known.weights:
        same = (
            digest.startswith(weights.sha256)
            if weights.sha256 and digest
            else weights.origin == getattr(info, "origin", None)
        )
        if same and weights.top1 is not None:
            return weights.top1
    return known.top1


def _tell(evaluation: Any, published: float | None, located: dict[str, Any] | None) -> None:
    from vizgraph.training.evaluate import against_published

    scores = evaluation.scores
    click.echo(
        f"top-1 {scores.top1:.2f} % ({scores.right} of {scores.count}), top-5 {scores.top5:.2f} %, "
        f"loss {scores.loss:.4f}, calibration error {scores.calibration_error:.4f}, "
        f"{evaluation.images_per_second:.1f} images/s"
    )
    if evaluation.real_top1 is not None:
        click.echo(f"by the reassessed labels: top-1 {evaluation.real_top1:.2f} % of {evaluation.real_count}")
    if published is not None:
        click.echo(f"top-1 {against_published(scores.top1, published)}")
    if scores.replaced:
        click.echo(f"{scores.replaced} damaged images gave way to others")
    click.echo(f"classes matched {evaluation.matched}")
    if located is not None:
        for key, what in (("center_inside", "its center inside the object"), ("overlap", "overlapping the object")):
            part = located[key]
            click.echo(
                f"peak patch of the last layer, {what}: {part['hits']} of {located['correct']} correctly classified "
                f"({100 * part['share']:.1f} %); by chance {100 * part['chance']:.1f} %"
            )
        if located["blank"]:
            click.echo(f"{located['blank']} of these maps are blank and count as misses")


def localization(model: Any, data: Any, ranks: Any, *, split: str, preprocessing: dict[str, Any]) -> dict[str, Any]:
    """Whether the peak of the last layer's CAM of the predicted class lies on the object.

    Counted over the correctly classified scenes of a split, each once over all ranks. Two definitions: the center of
    the peak patch is a pixel of the object's mask; the peak patch overlaps the mask. `chance` is the mean share of
    patches that would count.

    Args:
        model: the network.
        data: as for `evaluate`, with the name "scenes".
        ranks: the processes that share the scenes.
        split: of the scenes.
        preprocessing: as in the evaluation.
    """
    import numpy as np
    import torch
    from tqdm.auto import tqdm

    import viz_nodes
    from vizgraph.training.datasets import open_validation
    from vizgraph.training.preprocessing import Normalize, measuring_transform

    source = open_validation(data, split=split)
    transform, normalize = measuring_transform(preprocessing), Normalize(preprocessing, ranks.device)
    height, width = preprocessing["input_size"][-2:]
    correct = blank = 0
    hits, chances = np.zeros(2), np.zeros(2)
    mine = range(ranks.rank, source.size, ranks.world)
    batches = [mine[start : start + 32] for start in range(0, len(mine), 32)]
    for batch in tqdm(batches, desc="localization", disable=not ranks.first, leave=False):
        scenes = [source.images.scene(index) for index in batch]
        pixels = torch.stack([torch.as_tensor(np.asarray(transform(_as_image(scene.image)))) for scene in scenes])
        explained = viz_nodes.explain(model, normalize(pixels), layers=[-1])
        layer = explained.layers[-1]
        for row, scene in enumerate(scenes):
            if int(explained.logits[row].argmax()) != scene.label:
                continue
            inside = _patches(_seen(scene.mask, (height, width), preprocessing), layer.grid)
            correct += 1
            chances += inside.mean(axis=1)
            peak = int(layer.peak[row])
            if peak < 0:
                blank += 1
            else:
                hits += inside[:, peak]
    sums = ranks.total(torch.tensor([correct, blank, *hits, *chances], dtype=torch.float64)).tolist()
    count = max(1.0, sums[0])
    return {
        "scenes": source.size,
        "correct": int(sums[0]),
        "blank": int(sums[1]),
        "center_inside": {"hits": int(sums[2]), "share": sums[2] / count, "chance": sums[4] / count},
        "overlap": {"hits": int(sums[3]), "share": sums[3] / count, "chance": sums[5] / count},
    }


def _as_image(array: Any) -> Any:
    from PIL import Image

    return Image.fromarray(array)


def _seen(mask: Any, size: tuple[int, int], preprocessing: dict[str, Any]) -> Any:
    """The part of a mask that the network sees, (height, width) bool, through the same resizing and cropping."""
    import numpy as np

    from vizgraph.training.preprocessing import measuring_transform

    nearest = measuring_transform({**preprocessing, "interpolation": "nearest"})
    seen = np.asarray(nearest(_as_image(np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255)))
    return seen[0] > 127


def _patches(mask: Any, grid: tuple[int, int]) -> Any:
    """(2, N) float: for each patch whether its center is inside the mask, and whether it overlaps the mask."""
    import numpy as np

    from viz_nodes.grids import boxes, centers

    middle = np.floor(centers(grid, mask.shape)).astype(int)
    inside = mask[middle[:, 1], middle[:, 0]]
    edges = boxes(grid, mask.shape)
    overlap = [
        mask[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))].any()
        for left, top, right, bottom in edges
    ]
    return np.stack([inside, np.array(overlap)]).astype(float)
