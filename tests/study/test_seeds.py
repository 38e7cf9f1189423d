"""Random streams: each is its root's and its key's alone."""

from __future__ import annotations

import numpy as np

from ptyproof.study.seeds import stream


def test_a_stream_is_the_same_whatever_was_drawn_before() -> None:
    first = stream(42, "phase_c", "dose_1000", "train").integers(0, 2**63, 8)
    stream(42, "phase_c", "dose_1000", "test").integers(0, 2**63, 8)
    again = stream(42, "phase_c", "dose_1000", "train").integers(0, 2**63, 8)
    np.testing.assert_array_equal(first, again)


def test_streams_differ_with_root_key_and_the_key_s_parts() -> None:
    keys = [(42, ("a", "b")), (42, ("b", "a")), (42, ("ab",)), (43, ("a", "b")), (42, ("a",))]
    firsts = {int(stream(root, *key).integers(0, 2**63)) for root, key in keys}
    assert len(firsts) == len(keys)


def test_the_streams_are_recorded() -> None:
    """Changing how streams derive changes every dataset of every study: do it on purpose."""
    assert stream(42, "phase_c", "dose_1000", "train").integers(0, 2**32, 3).tolist() == [
        3543559988,
        262096035,
        1631683563,
    ]
