"""The schemas as a set: names, references, descriptions, and what a refusal says. No rule needs the network."""

from __future__ import annotations

import copy
import re
import socket
from typing import Any, NoReturn

import pytest
from jsonschema import Draft202012Validator

from ptyproof.errors import InputError, ManifestError
from ptyproof.io.schema import schema_errors, validate
from ptyproof.io.schema_files import kinds, load_schema
from ptyproof.io.schema_verdict import registry
from tests.helpers.messages import names, naming, numbers
from tests.helpers.schema_rules import SCHEMAS, all_schemas, example, parts


def test_ids_agree_with_the_file_names() -> None:
    for kind, major in kinds():
        assert load_schema(kind, major)["$id"] == f"urn:ptyproof:schema:{kind}:{major}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_draft_2020_12(name: str) -> None:
    schema = load_schema(*parts(name))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert re.fullmatch(rf"{parts(name)[1]}\.\d+\.\d+", schema["version"])
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_reference_resolves_without_the_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a schema went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    resolver = registry().resolver(base_uri=load_schema(*parts(name))["$id"])
    for _, schema in all_schemas(name):
        if "$ref" in schema:
            assert resolver.lookup(schema["$ref"]).contents


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_property_is_described(name: str) -> None:
    bare = [
        f"{where}/properties/{key}"
        for where, schema in all_schemas(name)
        for key, inner in schema.get("properties", {}).items()
        if not {"description", "$ref", "const"} & set(inner) and inner.get("type") != "object"
    ]
    assert bare == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_object_is_open_by_accident(name: str) -> None:
    unsaid = [
        where
        for where, schema in all_schemas(name)
        if (schema.get("type") == "object" or "properties" in schema)
        and "additionalProperties" not in schema
        and "if" not in schema  # its branches say it
    ]
    assert unsaid == []


def manifest() -> Any:
    """Return a valid run manifest."""
    return example("run_manifest", "one-of-three-doses.json")


def test_a_refusal_is_one_line_with_file_path_value_and_rule() -> None:
    wrong = manifest()
    wrong["split"]["n_train"] = -3
    with pytest.raises(ManifestError) as caught:
        validate(wrong, "run_manifest", "c/run_manifest.json")
    sentence = str(caught.value)
    assert names(sentence, "c/run_manifest.json", "run_manifest 1", "$.split.n_train", "-3", 1)
    assert "\n" not in sentence


def test_many_faults_are_counted_and_a_hostile_value_stays_one_line() -> None:
    whole = manifest()
    wrong = dict.fromkeys(whole) | {"schema_version": whole["schema_version"], "study": "a\nb\x1b[31m" * 500}
    with pytest.raises(ManifestError) as caught:
        validate(wrong, "run_manifest", "x.json")
    sentence = str(caught.value)
    assert sentence.count("$.") == 5
    assert numbers(sentence)[-1] == len(schema_errors(wrong, "run_manifest")) - 5
    assert not re.search(r"[\x00-\x1f]", sentence)
    assert len(sentence) < 3000


def test_unknown_keys_are_refused_now_and_read_from_a_newer_minor() -> None:
    newer = manifest()
    newer["colour"] = "red"
    newer["split"]["colour"] = "red"
    assert len(schema_errors(newer, "run_manifest")) == 2
    newer["schema_version"] = "1.7.0"
    assert schema_errors(newer, "run_manifest") == []
    newer["split"]["n_train"] = 0
    assert [error.json_path for error in schema_errors(newer, "run_manifest")] == ["$.split.n_train"]


def test_another_major_is_refused_by_that_alone() -> None:
    other = {**manifest(), "schema_version": "2.0.0", "colour": "red"}
    assert [error.json_path for error in schema_errors(other, "run_manifest")] == ["$.schema_version"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "3"])
def test_what_is_no_number_is_refused(value: Any) -> None:
    wrong = copy.deepcopy(manifest())
    wrong["split"]["line_px"] = value
    assert [error.json_path for error in schema_errors(wrong, "run_manifest")] == ["$.split.line_px"]


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=naming("report 1", "assessment 1", "run_manifest 1")):
        load_schema("report")
