"""The published weights as plain data: names, places, hashes, preprocessing and figures. Imports nothing heavy.

Figures of the networks (trainable parameters, multiply-accumulates at 224 x 224) are measured; those of the papers and
of the weight files are as published. GraphConvNet: Li, Dai, Yi, DSIT 2024, doi 10.1109/DSIT61374.2024.10880864. ViG:
Han et al., NeurIPS 2022, arXiv 2206.00272.

One file because it is one table: what is known of each architecture and its weights stands beside the others'.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vizgraph.models.names import SHORT_NAMES as SHORT_NAMES

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
GRAPHCONVNET_RELEASE = "GraphConvNet release"
OFFICIAL = "official ViG release"
MMPRETRAIN = "mmpretrain"
BUNDLED = "bundled"


@dataclass(frozen=True)
class Weights:
    """One published file of weights.

    Attributes:
        file: its name; "" where the name was never published.
        origin: who published it.
        layout: how it names its keys: "project", "official" or "mmpretrain".
        url: where it is; a page for a person where `by_hand`.
        sha256: first 8 hexadecimal digits of its SHA-256; "" where unknown.
        mirror: whether `sha256` was taken from a mirror's copy, so that a difference proves nothing.
        by_hand: whether only a person with a browser can fetch it.
        top1: ImageNet-1k accuracy in percent that comes with the file; None where there is none.
        mean, std, crop_pct: the preprocessing it was trained with.
        license: SPDX name of the license of the place it comes from; "" where none is stated.
    """

    file: str
    origin: str
    layout: str
    url: str
    sha256: str = ""
    mirror: bool = False
    by_hand: bool = False
    top1: float | None = None
    mean: tuple[float, float, float] = IMAGENET[0]
    std: tuple[float, float, float] = IMAGENET[1]
    crop_pct: float = 0.9
    license: str = ""


@dataclass(frozen=True)
class Architecture:
    """What is known of a network without building it.

    Attributes:
        name: timm name.
        title: as in the papers.
        family: "graphconvnet" or "vig".
        pyramid: whether it is laid out as a pyramid.
        channels, blocks: of each stage.
        params: trainable parameters.
        gmacs: 10^9 multiply-accumulates for one 224 x 224 image.
        paper_params_m, paper_gflops, top1: as the paper states them; None where there is no paper.
        weights: the published files, the preferred one first.
    """

    name: str
    title: str
    family: str
    pyramid: bool
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    params: int
    gmacs: float
    paper_params_m: float | None = None
    paper_gflops: float | None = None
    top1: float | None = None
    weights: tuple[Weights, ...] = field(default=())


def _baidu(file: str, share: str, top1: float, *, half: bool = False) -> Weights:
    mean, std = HALF if half else IMAGENET
    return Weights(
        file,
        GRAPHCONVNET_RELEASE,
        "project",
        f"https://pan.baidu.com/s/{share}",
        by_hand=True,
        top1=top1,
        mean=mean,
        std=std,
    )


def _official(file: str, sha256: str, top1: float, *, mirror: bool = False, crop_pct: float = 0.9) -> Weights:
    base = "https://github.com/huawei-noah/Efficient-AI-Backbones/releases/download/"
    return Weights(
        file.rpartition("/")[2],
        OFFICIAL,
        "official",
        base + file,
        sha256,
        mirror,
        top1=top1,
        mean=HALF[0],
        std=HALF[1],
        crop_pct=crop_pct,
        license="BSD-3-Clause",
    )


def _bundled(name: str) -> tuple[Weights]:
    return (Weights(f"{name}.safetensors", BUNDLED, "project", "", crop_pct=1.0, license="MIT"),)


def _mmpretrain(name: str, sha256: str, top1: float, *, crop_pct: float = 0.9) -> Weights:
    file = f"{name}_3rdparty_in1k_20230117-{sha256}.pth"
    base = "https://download.openmmlab.com/mmclassification/v0/vig/"
    return Weights(
        file,
        MMPRETRAIN,
        "mmpretrain",
        base + file,
        sha256,
        top1=top1,
        mean=HALF[0],
        std=HALF[1],
        crop_pct=crop_pct,
        license="Apache-2.0",
    )


_VIG_SHARE = "1At2NY9wuAC3MH8hqEICRRg?pwd=3qbz"
_SMALL = (2, 2, 6, 2)

ARCHITECTURES: dict[str, Architecture] = {
    arch.name: arch
    for arch in (
        Architecture(
            "graphconvnet_ti",
            "GraphConvNet-Ti",
            "graphconvnet",
            False,
            (192,),
            (12,),
            7666280,
            1.393,
            7.7,
            1.3,
            77.1,
            (_baidu("GraphConvNet_Ti_77_1.pth.tar", "1_yCwQnPhneGnho6AaT-cBw?pwd=5eri", 77.1),),
        ),
        Architecture(
            "graphconvnet_s",
            "GraphConvNet-S",
            "graphconvnet",
            False,
            (320,),
            (16,),
            24514152,
            4.858,
            24.5,
            4.9,
            82.0,
            (_baidu("GraphConvNet_S_82.pth.tar", "1EBXv987qj9p5X5_OtCOcDA?pwd=hji9", 82.0),),
        ),
        Architecture(
            "graphconvnetp_ti",
            "Pyramid GraphConvNet-Ti",
            "graphconvnet",
            True,
            (48, 96, 240, 384),
            _SMALL,
            11431880,
            1.818,
            11.4,
            1.8,
            80.5,
            (_baidu("", "1nYOAoe8R3jf4KMjIWw-KAA?pwd=tmsb", 80.5),),
        ),
        Architecture(
            "graphconvnetp_s",
            "Pyramid GraphConvNet-S",
            "graphconvnet",
            True,
            (80, 160, 400, 640),
            _SMALL,
            29231112,
            4.876,
            29.2,
            4.9,
            82.4,
            (_baidu("", "1KJnmqEmqiw17zV64qqNQRw?pwd=tvkv", 82.4),),
        ),
        Architecture(
            "vig_ti",
            "ViG-Ti",
            "vig",
            False,
            (192,),
            (12,),
            7184744,
            1.301,
            7.1,
            1.3,
            73.9,
            (
                _official("vig/vig_ti_74.5.pth", "61872146", 74.5),
                _baidu("vig_ti_74.5.pth.tar", _VIG_SHARE, 74.5, half=True),
                _mmpretrain("vig-tiny", "6414c684", 74.40),
            ),
        ),
        Architecture(
            "vig_s",
            "ViG-S",
            "vig",
            False,
            (320,),
            (16,),
            22747752,
            4.517,
            22.7,
            4.5,
            80.4,
            (
                _official("vig/vig_s_80.6.pth", "081bb44c", 80.6),
                _baidu("vig_s_80.6.pth.tar", _VIG_SHARE, 80.6, half=True),
                _mmpretrain("vig-small", "5338bf3b", 80.61),
            ),
        ),
        Architecture(
            "vig_b",
            "ViG-B",
            "vig",
            False,
            (640,),
            (16,),
            86841832,
            17.643,
            86.8,
            17.7,
            82.3,
            (
                _official("vig/vig_b_82.6.pth", "40b0685d", 82.6),
                _baidu("vig_b_82.6.pth.tar", _VIG_SHARE, 82.6, half=True),
                _mmpretrain("vig-base", "92f6f12f", 82.62),
            ),
        ),
        Architecture(
            "pvig_ti",
            "Pyramid ViG-Ti",
            "vig",
            True,
            (48, 96, 240, 384),
            _SMALL,
            10714376,
            1.7,
            10.7,
            1.7,
            78.5,
            (
                _official("pyramid-vig/pvig_ti_78.5.pth.tar", "06c49bda", 78.5, mirror=True),
                _mmpretrain("pvig-tiny", "eb77347d", 78.38),
            ),
        ),
        Architecture(
            "pvig_s",
            "Pyramid ViG-S",
            "vig",
            True,
            (80, 160, 400, 640),
            _SMALL,
            27251912,
            4.548,
            27.3,
            4.6,
            82.1,
            (
                _official("pyramid-vig/pvig_s_82.1.pth.tar", "03455330", 82.1, mirror=True),
                _mmpretrain("pvig-small", "9433dc96", 82.00),
            ),
        ),
        Architecture(
            "pvig_m",
            "Pyramid ViG-M",
            "vig",
            True,
            (96, 192, 384, 768),
            (2, 2, 16, 2),
            49525832,
            8.845,
            51.7,
            8.9,
            83.1,
            (
                _official("pyramid-vig/pvig_m_83.1.pth.tar", "5a5ce0c0", 83.1, mirror=True),
                _mmpretrain("pvig-medium", "21057a6d", 83.12),
            ),
        ),
        Architecture(
            "pvig_b",
            "Pyramid ViG-B",
            "vig",
            True,
            (128, 256, 512, 1024),
            (2, 2, 18, 2),
            92980328,
            16.804,
            92.6,
            16.8,
            83.7,
            (
                _official("pyramid-vig/pvig_b_83.66.pth.tar", "aafa414a", 83.66, mirror=True, crop_pct=0.95),
                _mmpretrain("pvig-base", "dbab3c85", 83.59, crop_pct=0.95),
            ),
        ),
        Architecture(
            "gcn_demo",
            "GraphConvNet demo",
            "graphconvnet",
            False,
            (64,),
            (6,),
            486538,
            0.099,
            weights=_bundled("gcn_demo"),
        ),
        Architecture(
            "vig_demo",
            "ViG demo",
            "vig",
            False,
            (64,),
            (6,),
            458506,
            0.093,
            weights=_bundled("vig_demo"),
        ),
    )
}


WITH_BUNDLED = tuple(name for name, known in ARCHITECTURES.items() if known.weights[0].origin == BUNDLED)
"""The architectures whose weights come with the package."""


def preprocessing(arch: str, layout: str) -> Weights:
    """The published weights whose preprocessing goes with a file of this architecture and key layout.

    A layout nobody published for the architecture gets the preprocessing of the architecture's first file.
    """
    published = ARCHITECTURES[arch].weights
    origin = layout.partition(" ")[0]
    return next((weights for weights in published if weights.layout == origin), published[0])


def published_as(arch: str, name: str, sha256: str) -> Weights | None:
    """The published weights that a file is known to be: by its hash, or by its name where no hash was published."""
    for weights in ARCHITECTURES[arch].weights:
        if weights.origin != BUNDLED and (
            sha256.startswith(weights.sha256) if weights.sha256 else weights.file and weights.file == name
        ):
            return weights
    return None
