"""Hypothesis strategies for study designs."""

from __future__ import annotations

from hypothesis import strategies as st

from ptyproof.study.design import MAX_DOSE, BaseDesign, Seeds, StudyDesign
from ptyproof.study.views import AllPositions, Sampling, Spacing, View

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
doses = st.lists(st.floats(1e-3, MAX_DOSE) | st.integers(1, 10**9).map(float), min_size=1, max_size=4, unique=True).map(
    tuple
)
selections = (
    st.just(AllPositions())
    | st.builds(Spacing, st.floats(0, 1, exclude_max=True), st.sampled_from(["window", "probe"]))
    | st.builds(Sampling, st.floats(0, 1, exclude_min=True), st.integers(1, 10**6))
)
seeds = st.builds(Seeds, *[st.integers(0, 2**63 - 1)] * 3)


@st.composite
def views(draw: st.DrawFn) -> View:
    """Views whose K, where they have one, is large enough for their groups."""
    gridsize = draw(st.integers(1, 4))
    neighbor_count = draw(st.none() | st.integers(gridsize**2, 64))
    return View(draw(names), gridsize, draw(selections), neighbor_count)


@st.composite
def bases(draw: st.DrawFn) -> BaseDesign:
    """Built-in bases of any size."""
    step = draw(st.floats(0.5, 50))
    return BaseDesign(
        scan_rows=draw(st.integers(2, 100)),
        scan_cols=draw(st.integers(1, 100)),
        step_px=step,
        jitter_px=draw(st.floats(0, step / 2)),
        probe_diameter_px=draw(st.floats(1, 100)),
        object=draw(st.sampled_from(["grains", "siemens"])),
        probe=draw(st.sampled_from(["zone_plate", "soft_aperture"])),
        seed=draw(st.integers(0, 2**32)),
    )


@st.composite
def designs(draw: st.DrawFn) -> StudyDesign:
    """Study designs that are possible."""
    return StudyDesign(
        name=draw(names),
        pattern_size_px=4 * draw(st.integers(2, 128)),
        doses_photons_per_pattern=draw(doses),
        views=tuple(draw(st.lists(views(), min_size=1, max_size=5, unique_by=lambda v: v.name.casefold()))),
        base=draw(st.none() | bases()),
        neighbor_count=draw(st.integers(16, 64)),
        min_acceptance_rate=draw(st.floats(0.01, 1)),
        illumination_fraction=draw(st.floats(0, 0.5)),
        seeds=draw(seeds),
        replicates=draw(st.integers(1, 3)),
        replicate_objects=draw(st.booleans()),
    )
