"""The catalog against the reference and the networks, and `vizgraph models`, which shows it without building any."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import timm
from click.testing import CliRunner

import vizgraph
from vizgraph.checkpoints import catalog, locate
from vizgraph.cli.models import command
from vizgraph.models import resolve


def test_every_architecture_is_in_it_in_order():
    assert list(catalog.ARCHITECTURES) == vizgraph.list_models()


@pytest.mark.parametrize("arch", catalog.ARCHITECTURES)
def test_measured_figures_are_the_reference_ones(arch, reference):
    known = catalog.ARCHITECTURES[arch]
    for path in (reference / "graphconvnet" / f"{arch}.json", reference / "official" / f"{arch}_224_gelu.json"):
        if path.is_file():
            facts = json.loads(path.read_text())
            assert (known.params, known.gmacs) == (facts["trainable"], facts["gmacs"])
            break
    else:
        assert arch in catalog.WITH_BUNDLED


@pytest.mark.parametrize("arch", ["graphconvnet_ti", "graphconvnetp_ti", "vig_ti", "pvig_ti", "gcn_demo", "vig_demo"])
def test_sizes_and_parameters_are_the_networks(arch):
    known, model = catalog.ARCHITECTURES[arch], timm.create_model(arch)
    assert (known.channels, known.blocks, known.pyramid) == (
        model.layout.channels,
        model.layout.blocks,
        model.layout.relative_pos,
    )
    assert known.params == sum(p.numel() for p in model.parameters() if p.requires_grad)
    has_bottleneck = any("res_block" in key for key in model.state_dict())
    assert has_bottleneck == (known.family == "graphconvnet")


def test_what_the_reference_says_of_the_files(reference):
    text = (reference / "README.md").read_text()
    for arch in catalog.ARCHITECTURES.values():
        for weights in arch.weights:
            if weights.origin == catalog.BUNDLED:
                continue
            assert weights.sha256 in text
            if weights.origin == catalog.MMPRETRAIN:
                base, name = weights.url.rsplit("/", 1)
                size, hash8 = re.fullmatch(r"(p?vig-\w+?)_3rdparty_in1k_20230117-(\w{8})\.pth", name).groups()
                assert f"{base}/" in text
                assert f"{size} {hash8} ({weights.top1:.2f})" in text
            elif weights.by_hand:
                assert weights.url in text
                assert weights.file in text
            else:
                base, file = weights.url.split("download/")
                assert f"{base}download/" in text
                mirror = r" \(of a mirror\)" if weights.mirror else ""
                row = rf"\| `{re.escape(file)}` \| {weights.sha256}{mirror} \| 0\.5, 0\.5, {weights.crop_pct} \|"
                assert re.search(row, text), row


@pytest.mark.parametrize("arch", catalog.ARCHITECTURES)
def test_preprocessing_agrees_with_what_timm_is_told(arch):
    told = timm.get_pretrained_cfg(arch)
    for layout in ("project", "official ViG", "mmpretrain Vig"):
        weights = catalog.preprocessing(arch, layout)
        assert (weights.mean, weights.std, weights.crop_pct) == (told.mean, told.std, told.crop_pct)


def test_vig_in_the_release_layout_keeps_the_official_preprocessing():
    for layout in ("project", "official ViG", "mmpretrain Vig"):
        assert catalog.preprocessing("vig_s", layout).mean == (0.5, 0.5, 0.5)
    assert catalog.preprocessing("graphconvnet_s", "project").mean == catalog.IMAGENET[0]
    assert catalog.preprocessing("pvig_b", "mmpretrain PyramidVig").crop_pct == 0.95


def test_only_https_is_downloaded_and_it_has_a_hash():
    for arch in catalog.ARCHITECTURES:
        weights = locate.downloadable(arch)
        if weights is not None:
            assert weights.url.startswith("https://")
            assert re.fullmatch(r"[0-9a-f]{8}", weights.sha256)
            assert weights.license


def test_models_is_a_table_of_every_architecture():
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len(lines[0]) <= 110
    rows = {line.split()[0]: line for line in lines[1 : 1 + len(catalog.ARCHITECTURES)]}
    assert list(rows) == vizgraph.list_models()
    assert re.search(
        r"graphconvnet_ti +7\.67 +1\.39 +77\.1 +GraphConvNet release, by hand +no$", rows["graphconvnet_ti"]
    )
    assert re.search(r"pvig_b +92\.98 +16\.80 +83\.7 +official ViG release, download +no$", rows["pvig_b"])
    assert (
        "https://pan.baidu.com/s/1nYOAoe8R3jf4KMjIWw-KAA?pwd=tmsb (save as graphconvnetp_ti.pth.tar)" in result.output
    )


def test_models_says_what_is_here(tmp_path):
    Path("ckpt").mkdir()
    Path("ckpt/GraphConvNet_S_82.pth.tar").touch()
    cached = tmp_path / "cache" / "pvig_ti_78.5.pth.tar"
    cached.parent.mkdir()
    cached.touch()
    output = CliRunner().invoke(command, []).output
    assert re.search(r"graphconvnet_s .* ckpt/GraphConvNet_S_82\.pth\.tar$", output, re.M)
    facts = {fact["arch"]: fact for fact in json.loads(CliRunner().invoke(command, ["--json"]).output)["architectures"]}
    assert facts["pvig_ti"]["here"] == str(cached)
    assert facts["vig_ti"]["here"] is None
    assert facts["vig_ti"]["weights"][0]["sha256_prefix"] == "61872146"
    assert facts["vig_ti"]["weights"][1]["by_hand"] is True
    assert facts["graphconvnet_ti"]["params"] == 7666280


def test_short_names_are_shown():
    output = CliRunner().invoke(command, []).output
    for short in ("gcn_ti", "gcn_s", "gcnp_ti", "gcnp_s"):
        assert re.search(rf"\b{short} = {resolve(short)}\b", output)


def test_models_imports_nothing_heavy():
    code = (
        "import sys, vizgraph.cli.models as m; m.command(standalone_mode=False)\n"
        "heavy = {'torch', 'timm', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "graphconvnet_ti" in done.stdout
