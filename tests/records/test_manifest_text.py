"""A manifest whose records are formatted once has the bytes that formatting the whole gives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptyproof.io.strict_json import format_json
from ptyproof.records.manifest_text import ManifestText

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MANIFESTS = st.dictionaries(st.text(), VALUES | st.lists(st.dictionaries(st.text(), VALUES)), max_size=5)


@settings(max_examples=30)
@given(MANIFESTS, MANIFESTS)
def test_the_text_is_that_of_the_whole(first: dict[str, object], second: dict[str, object]) -> None:
    text = ManifestText()
    shared = {key: value for key, value in first.items() if isinstance(value, list)}
    for manifest in (first, second, second | shared, first):
        if manifest:
            assert text.of(manifest) == format_json(manifest)


def test_a_record_that_is_replaced_has_its_new_text() -> None:
    text, records = ManifestText(), [{"job": number} for number in range(3)]
    text.of({"jobs": records})
    changed = [{"job": 7} if record["job"] == 1 else record for record in records]
    assert text.of({"jobs": changed}) == format_json({"jobs": changed})


def test_half_a_surrogate_pair_is_escaped_as_elsewhere() -> None:
    manifest = {"jobs": [{"error": "caf\udce9"}], "text": "\udce9"}
    assert ManifestText().of(manifest) == format_json(manifest)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_not_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        ManifestText().of({"jobs": [{"loss": value}]})
