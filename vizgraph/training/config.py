"""How a run is told: YAML files, shipped recipes, overrides; what cannot be meant is refused.

What can be said is in `schema`.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import importlib.resources
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from viz_nodes.text import quoted, shortened
from vizgraph.errors import ConfigError, first_line
from vizgraph.training.schema import (
    AugmentConfig,
    AverageConfig,
    Config,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
    from_plain,
    problems,
    sections,
)

__all__ = [
    "AugmentConfig",
    "AverageConfig",
    "Config",
    "DataConfig",
    "ModelConfig",
    "OptimizerConfig",
    "RunConfig",
    "ScheduleConfig",
    "find",
    "from_plain",
    "load",
    "recipes",
    "require_sensible",
    "require_sensible_data",
    "to_yaml",
]

BASE, SMOKE = "base", "smoke"
"""Keys of a file beside its sections: the file it is based on, and its variant of a few seconds."""
_MOST_BASES = 8


def recipes() -> dict[str, Path]:
    """The shipped recipes, by name; what recipes are only based on begins with an underscore and is none."""
    folder = Path(str(importlib.resources.files("vizgraph.training") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml")) if not path.stem.startswith("_")}


def find(name: str) -> Path:
    """The file that `--config` names: a path, or a shipped recipe with or without ".yaml".

    Raises:
        ConfigError: neither.
    """
    try:
        path = Path(name).expanduser()
        if path.is_file():
            return path
    except (OSError, RuntimeError, ValueError):  # the home of nobody, a name of 5000 letters
        pass
    shipped = recipes()
    stem = name.removesuffix(".yaml")
    if stem in shipped:
        return shipped[stem]
    near = difflib.get_close_matches(stem, shipped, n=1)
    hint = f"did you mean {near[0]}.yaml?" if near else f"shipped are {', '.join(f'{r}.yaml' for r in shipped)}"
    raise ConfigError(f"{shortened(name)}: no such config file or recipe; {hint}")


def load(source: str | Path | None = None, overrides: Iterable[str] = (), *, smoke: bool = False) -> Config:
    """Read a config.

    Args:
        source: a YAML file or a shipped recipe's name; None starts from the defaults. With `base: FILE` it says only
            what differs from another file (beside it, or a recipe).
        overrides: "section.key=value", each in YAML's notation.
        smoke: apply the file's own `smoke` section, which makes of it a run of seconds.

    Raises:
        ConfigError: an unknown key (with the near match), a value of the wrong kind, or values out of range (all of
            them at once).
    """
    from omegaconf import OmegaConf

    origin = "the command line" if source is None else str(source)
    values, quick = ({}, None) if source is None else _read_with_bases(find(str(source)), origin)
    layers = [values]
    if smoke:
        if not isinstance(quick, Mapping):
            raise ConfigError(f"{origin}: has no `smoke` section")
        _require_known(quick, f"{origin}, smoke")
        layers.append(dict(quick))
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or "." not in key:
            raise ConfigError(f"{quoted(override)}: an override reads section.key=value, such as schedule.epochs=10")
        layer = _from_override(override)
        _require_known(layer, shortened(override))
        layers.append(layer)
    merged = OmegaConf.structured(Config)
    for layer in layers:
        _merge(merged, layer, origin)
    try:
        config = OmegaConf.to_object(merged)
    except Exception as error:
        raise ConfigError(f"{origin}: {first_line(error, 2)}") from error
    assert isinstance(config, Config)
    require_sensible(config)
    return config


def require_sensible(config: Config) -> None:
    """Refuse values out of their ranges, all in one sentence.

    Raises:
        ConfigError: there are some.
    """
    wrong = list(problems(config))
    if wrong:
        raise ConfigError("; ".join(wrong))


def require_sensible_data(data: DataConfig) -> None:
    """The same for the data section alone.

    Raises:
        ConfigError: values are out of their ranges.
    """
    require_sensible(Config(data=data))


def to_yaml(config: Config) -> str:
    """The config as YAML that `load` reads."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(config.plain()))


def _beside(path: Path, name: str) -> Path | None:
    """The file of this name beside another; None where there is none, or none can have that name."""
    try:
        beside = path.with_name(name)
        return beside if beside.is_file() else None
    except (OSError, ValueError):
        return None


def _read_with_bases(path: Path, origin: str) -> tuple[dict[str, Any], Any]:
    """The sections of a file over those of the files it is based on, and its smoke section likewise."""
    chain: list[dict[str, Any]] = []
    values: dict[str, Any] = {}
    quick: Any = None
    while True:
        part = _read_yaml(path)
        base = part.pop(BASE, None)
        chain.append(part)
        if base is None:
            break
        if not isinstance(base, str):
            raise ConfigError(f"{path}: `base` must name a config file (got {quoted(base)})")
        if len(chain) > _MOST_BASES:
            raise ConfigError(f"{origin}: more than {_MOST_BASES} files are based on each other; in a circle?")
        path = _beside(path, base) or find(base)
    for part in reversed(chain):
        over = part.pop(SMOKE, None)
        _require_known(part, origin)
        values = _over(values, part)
        if over is not None:
            quick = _over(quick, over) if isinstance(quick, dict) and isinstance(over, dict) else over
    return values, quick


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested mappings as one; where both say something, the one above holds."""
    merged = copy.deepcopy(dict(below))
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return merged


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        read = OmegaConf.to_container(OmegaConf.load(path))
    except (yaml.YAMLError, OSError, ValueError, RecursionError, AssertionError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {first_line(error, 2)}") from error
    if not isinstance(read, dict):
        raise ConfigError(f"{path}: must hold sections ({', '.join(sections())}), not a {type(read).__name__}")
    return typing.cast(dict[str, Any], read)


def _from_override(override: str) -> dict[str, Any]:
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return typing.cast(dict[str, Any], OmegaConf.to_container(OmegaConf.from_dotlist([override])))
    except (yaml.YAMLError, ValueError, RecursionError, AssertionError, OmegaConfBaseException) as error:
        raise ConfigError(f"{quoted(override)}: cannot be read: {first_line(error, 2)}") from error


def _require_known(values: Mapping[str, Any], origin: str) -> None:
    known_sections = sections()
    for section, part in values.items():
        if section not in known_sections:
            raise ConfigError(
                f"{origin}: no section is called {quoted(section)}; {_near(str(section), known_sections)}"
            )
        if not isinstance(part, Mapping):
            raise ConfigError(f"{origin}: `{section}` must hold keys and values (got {quoted(part)})")
        known = [field.name for field in dataclasses.fields(known_sections[section])]
        for key in part:
            if key not in known:
                elsewhere = [s for s, kind in known_sections.items() if key in kind.__dataclass_fields__]
                hint = f"did you mean {elsewhere[0]}.{key}?" if elsewhere else _near(str(key), known, f"{section}.")
                raise ConfigError(f"{origin}: no key is called {section}.{shortened(key)}; {hint}")


def _near(name: str, known: Iterable[str], prefix: str = "") -> str:
    known = list(known)
    near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.5)
    initials = "".join(part[:1] for part in name.split("_"))
    if initials in known:
        near = [initials]
    return f"did you mean {prefix}{near[0]}?" if near else f"choose from {', '.join(known)}"


def _merge(merged: Any, layer: Mapping[str, Any], origin: str) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for section, values in layer.items():
        for key, value in values.items():
            try:
                OmegaConf.update(merged, f"{section}.{key}", value, merge=isinstance(value, Mapping))
            except (OmegaConfBaseException, ValueError, TypeError, AssertionError) as error:
                kind = typing.get_type_hints(sections()[section])[key]
                shown = getattr(kind, "__name__", None) if isinstance(kind, type) else None
                wanted = (shown or str(kind)).replace("typing.", "")
                raise ConfigError(
                    f"{origin}: `{section}.{key}` must be of kind {wanted} (got {quoted(value)})"
                ) from error
