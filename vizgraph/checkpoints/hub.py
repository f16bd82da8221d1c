"""Weights on the Hugging Face hub, by the addresses that timm knows: "hf-hub:owner/name", "hf-hub:owner/name@v2"."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

from vizgraph.errors import CheckpointError, first_line

_log = logging.getLogger(__name__)
REMOTE = ("hf-hub:", "hf_hub:")
LOCAL = "local-dir:"
_CONFIG, _INDEX = "config.json", "model.safetensors.index.json"
_WEIGHTS = ("model.safetensors", _INDEX, "pytorch_model.bin")


def is_address(name: str) -> bool:
    """Whether a name of a checkpoint is one of the hub's."""
    return name.startswith(REMOTE)


def fetch(address: str) -> Path:
    """Download a repository's `config.json` and weights into the hub's own cache, and return their folder.

    Raises:
        CheckpointError: there is no such repository, it cannot be reached, or it holds no weights.
    """
    repository, _, revision = address.partition(":")[2].partition("@")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository):
        raise CheckpointError(address, "is no address of the hub", "write hf-hub:owner/name, with @revision if need be")
    # Rarely used, and slow to import.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    def file(name: str) -> Path:
        return Path(hf_hub_download(repository, name, revision=revision or None))

    silenced = not _log.isEnabledFor(logging.INFO) and not are_progress_bars_disabled()
    if silenced:  # the hub's client shows bars of its own
        disable_progress_bars()
    try:
        folder = file(_CONFIG).parent
        for name in _WEIGHTS:
            try:
                path = file(name)
            except EntryNotFoundError:
                continue
            if name == _INDEX:
                places = json.loads(path.read_text(encoding="utf-8")).get("weight_map", {})
                for shard in sorted(set(places.values())):
                    if Path(str(shard)).name != shard:
                        raise CheckpointError(address, "its index names files elsewhere", "use another repository")
                    file(shard)
            return folder
    except CheckpointError:
        raise
    except Exception as error:  # the hub's client raises errors of several libraries
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise CheckpointError(
            address, f"could not be fetched ({reason})", "check the name and the network, or give a file"
        ) from error
    finally:
        if silenced:
            enable_progress_bars()
    raise CheckpointError(address, f"holds none of {', '.join(_WEIGHTS)}", "give a file")
