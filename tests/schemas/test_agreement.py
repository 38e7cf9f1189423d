"""check-jsonschema, which people have in their hooks and editors, judges every example as the schemas here do.

It gets each schema as `ptyproof schema KIND --bundled` prints it. NaN is the one thing that it cannot judge alike: it
reads files with the standard library's parser, which lets NaN through, and takes it for a number.

A sample of the examples is judged, in the campaign; with PTYPROOF_EVERY_EXAMPLE=1 in the environment all of them (some
minutes).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema.protocols import Validator

from ptyproof.io.schema_files import bundled
from ptyproof.io.schema_verdict import validator
from tests.helpers.schema_rules import JUDGED, KINDS, broken, example, example_names, parts, refusals, sites

SAMPLE, LARGE_CHARACTERS = 12, 4000
EVERY_EXAMPLE = "PTYPROOF_EVERY_EXAMPLE" in os.environ
pytestmark = pytest.mark.campaign
pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed (it is part of the extra dev)")


def their_validator(kind: str, folder: Path) -> Validator:
    """Return check-jsonschema's own validator for a schema: its formats, its regular expressions, its references."""
    from check_jsonschema.formats import FormatOptions
    from check_jsonschema.regex_variants import RegexImplementation, RegexVariantName
    from check_jsonschema.schema_loader import SchemaLoader

    schema = folder / f"{kind}.schema.json"
    schema.write_text(json.dumps(bundled(*parts(kind))), encoding="utf-8")
    expressions = RegexImplementation(RegexVariantName.default)
    options = FormatOptions(regex_impl=expressions)
    validator: Any = SchemaLoader(str(schema)).get_validator(schema, {}, options, expressions, False)
    # it would look for every schema inside the schema again and again: minutes for a large kind
    evolved: Validator = validator.evolve(registry=validator._registry.crawl())
    return evolved


def instances_of(kind: str) -> dict[str, Any]:
    """Return the valid examples of a kind, the written refusals, and an example that breaks each simple rule."""
    found = {f"valid-{name}": example(kind, name) for name in example_names(kind)}
    written = [refusal for refusal in refusals() if refusal.kind == kind]
    found |= {f"written-{number}.json": refusal.instance() for number, refusal in enumerate(written)}
    simple = [site for rule, site in sites().items() if site.kind == kind and site.keyword and _is_simple(rule)]
    found |= {f"broken-{number}.json": broken(site) for number, site in enumerate(simple)}
    if EVERY_EXAMPLE or len(found) <= SAMPLE:
        return found
    # check-jsonschema takes tenths of a second for a large manifest, and there are 2,000
    names = sorted((name for name in found if name.startswith("valid")), key=lambda name: len(json.dumps(found[name])))
    others = [name for name in found if not name.startswith("valid")]
    valid = names[: 1 if len(json.dumps(found[names[0]])) > LARGE_CHARACTERS else 3]
    return {name: found[name] for name in [*valid, *random.Random(kind).sample(others, min(SAMPLE, len(others)))]}


def _is_simple(rule: str) -> bool:
    return rule.rpartition("/")[2] not in JUDGED


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_verdict_on_every_example(kind: str, tmp_path: Path) -> None:
    instances = instances_of(kind)
    expected = {name: validator(*parts(kind)).is_valid(value) for name, value in instances.items()}
    theirs = their_validator(kind, tmp_path)
    assert {name: theirs.is_valid(value) for name, value in instances.items()} == expected
    assert set(expected.values()) == {True, False}


def test_the_same_through_its_command_line(tmp_path: Path) -> None:
    schema, good, bad = (tmp_path / name for name in ("schema.json", "good.json", "bad.json"))
    schema.write_text(json.dumps(bundled("skip_summary")))
    value = example("skip_summary", "rejected.json")
    good.write_text(json.dumps(value))
    bad.write_text(json.dumps({**value, "skipped_count": -1}))
    for path, status in ((good, 0), (bad, 1)):
        command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), str(path)]
        assert subprocess.run(command, check=False, capture_output=True).returncode == status


def test_a_bundled_schema_refers_to_nothing_outside() -> None:
    for kind in KINDS:
        document = bundled(*parts(kind))
        names = {document["$id"], *(inner["$id"] for inner in document.get("$defs", {}).values() if "$id" in inner)}
        waiting: list[Any] = [document]
        while waiting:
            here = waiting.pop()
            if isinstance(here, dict):
                name = str(here.get("$ref", "")).partition("#")[0]
                assert not name or name in names
                waiting.extend(here.values())
            elif isinstance(here, list):
                waiting.extend(here)
