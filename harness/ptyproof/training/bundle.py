"""The bundle that a training leaves: `model.safetensors`, with all that is needed to use the model in its metadata.

No pickle is written or read. `model.json` beside it is a copy of the record for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ptyproof.errors import DataError, DesignError, ManifestError
from ptyproof.io import schema, strict_json
from ptyproof.io.atomic import atomic_path
from ptyproof.study.layout import BUNDLE
from ptyproof.study.training import NetworkDesign
from ptyproof.training.network import GroupNetwork

if TYPE_CHECKING:
    from ptyproof_schemas.types.model import Model

RECORD = "model.json"
_KEY = "ptyproof"
_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "U8": "uint8"}


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained network and its record (schema model 1)."""

    network: GroupNetwork
    record: Model

    @property
    def window(self) -> tuple[int, int]:
        """(H, W) of the patterns that the network was trained on, pixels."""
        height, width = self.record["pattern_shape_px"]
        return height, width


def write_bundle(folder: Path, network: GroupNetwork, record: Model) -> Path:
    """Write bundle and readable record into `folder`, each atomically; return the bundle's path.

    Equal weights and records give equal bytes.

    Raises
    ------
    ManifestError
        If the record breaks its schema.
    """
    write_weights(folder / BUNDLE, network, record, "model", folder / RECORD)
    strict_json.write_json(folder / RECORD, record)
    return folder / BUNDLE


def write_weights(path: Path, network: GroupNetwork, record: Mapping[str, Any], kind: str, beside: Path) -> None:
    """Write weights with a record that obeys the schema of a kind; `beside` is named in errors.

    Equal weights and records give equal bytes.

    Raises
    ------
    ManifestError
        If the record breaks its schema.
    """
    schema.validate(record, kind, beside)
    # A safetensors header keeps its metadata in no particular order, so all of ours is one entry.
    text = json.dumps(record, sort_keys=True, allow_nan=False, ensure_ascii=False)
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={_KEY: text}))


def read_bundle(path: Path) -> Bundle:
    """Return the network of a bundle and its record.

    Raises
    ------
    DataError
        If the file is missing, damaged, no bundle of ptyproof, or its weights do not fit its record.
    """
    if not path.is_file():
        raise DataError(path, f"is missing; a bundle is the file {BUNDLE} of a training")
    network, record = read_weights(path, "model", lambda found: GroupNetwork(_design(found)))
    return Bundle(network, cast("Model", record))


def _design(record: dict[str, Any]) -> NetworkDesign:
    return NetworkDesign(**record["training"]["network"])


def read_weights(
    path: Path, kind: str, build: Callable[[dict[str, Any]], GroupNetwork]
) -> tuple[GroupNetwork, dict[str, Any]]:
    """Return the network of a file with weights, which `build` makes of its record, and the record of a kind.

    Raises
    ------
    DataError
        If the file is damaged, was not written by ptyproof, or its weights do not fit its record.
    """
    try:
        with safe_open(path, framework="pt") as file:
            record = _record(file.metadata() or {}, path, kind)
            network = _empty(record, path, build)
            _check_forms(file, network, path)
            tensors = {name: file.get_tensor(name) for name in network.state_dict()}
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(path, f"is not a readable safetensors file: {error}") from error
    network.load_state_dict(tensors, assign=True)
    return network.eval(), record


def _record(metadata: dict[str, str], path: Path, kind: str) -> dict[str, Any]:
    if _KEY not in metadata:
        raise DataError(path, f"was not written by ptyproof: its metadata has no {kind} record")
    parsed = strict_json.parse_json(metadata[_KEY], path, "metadata")
    try:
        record: dict[str, Any] = schema.accepted(parsed, kind, path)
    except ManifestError as error:
        raise ManifestError(path, error.reason, "metadata") from error
    return record


def _empty(record: dict[str, Any], path: Path, build: Callable[[dict[str, Any]], GroupNetwork]) -> GroupNetwork:
    """Return the network of a record without weights, which takes no memory for them."""
    try:
        with torch.device("meta"):
            return build(record)
    except DesignError as error:
        raise DataError(path, f"describes an impossible network: {error}", "metadata") from error


def _check_forms(file: Any, network: GroupNetwork, path: Path) -> None:
    """Refuse weights that do not fit, by the header: no memory is taken for any before all of them do."""
    wanted = {name: _form(value) for name, value in network.state_dict().items()}
    found = dict.fromkeys(file.keys(), "a weight that no network has")
    for name in wanted.keys() & found.keys():
        part = file.get_slice(name)
        found[name] = f"{_TYPES.get(part.get_dtype(), part.get_dtype())} {tuple(part.get_shape())}"
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            reason = f"expected {wanted.get(name, 'no such weight')}, got {found.get(name, 'none')}"
            raise DataError(path, f"has weights that do not match its record: {name}: {reason}")


def _form(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
