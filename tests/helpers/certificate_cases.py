"""Changes of certificates and records of conformance, and what is then found."""

from __future__ import annotations

from tests.helpers.changed_examples import (
    CERTIFIED,
    CONFORMING,
    DIVERGED,
    NOT_CONFORMING,
    case,
)

_DIVERGENCE = {"epoch": None, "step": None, "quantity": "bundle", "first": "a" * 64, "second": "b" * 64}
OF_CERTIFICATES = (
    case("PM201", "$.account.n_reproduced", CERTIFIED, account__n_reproduced=2),
    case("PM201", "$.account.n_diverged", DIVERGED, account__n_diverged=0),
    case("PM202", "$.account.n_attempts", CERTIFIED, account__n_attempts=4),
    case("PM205", "$.attempts[0].job", CERTIFIED, attempts__0__dose=1e4),
    case("PM502", "$.attempts[0].finished", CERTIFIED, attempts__0__finished="2026-11-24T10:20:00Z"),
    case("PM605", "$.attempts[0].epochs[1].epoch", CERTIFIED, attempts__0__epochs__1__epoch=3),
    case("PM605", "$.attempts[0].n_epochs_asked", CERTIFIED, attempts__0__n_epochs_asked=3),
    case("PM605", "$.attempts[0].epochs", CERTIFIED, attempts__0__epochs=lambda epochs: epochs[:1]),
    case("PM605", "$.attempts[0].epochs", CERTIFIED, attempts__0__n_epochs_asked=1),
    case("PM605", "$.attempts[0].killed_after_epoch", CERTIFIED, attempts__0__killed_after_epoch=1),
    case("PM605", "$.attempts[1].killed_after_epoch", CERTIFIED, attempts__1__killed_after_epoch=None),
    case("PM605", "$.attempts[1].killed_after_epoch", CERTIFIED, attempts__1__killed_after_epoch=2),
    case("PM605", "$.attempts[1].divergence.epoch", DIVERGED, attempts__1__divergence__epoch=1),
    case("PM703", "$.attempts[0].trainings", CERTIFIED, attempts__0__trainings=lambda trainings: trainings[:1]),
    case("PM703", "$.attempts[0].recipe_sha256", CERTIFIED, attempts__0__recipe_sha256=None),
    case("PM703", "$.attempts[0].epochs", CERTIFIED, attempts__0__epochs=[]),
    case("PM704", "$.attempts[0].divergence", CERTIFIED, attempts__0__divergence=_DIVERGENCE),
    case("PM704", "$.attempts[0].error", CERTIFIED, attempts__0__error="out of memory"),
    case("PM704", "$.attempts[1].status", CERTIFIED, attempts__1__trainings__1__bundle_sha256="b" * 64),
    case("PM704", "$.attempts[0].status", CERTIFIED, attempts__0__recorded_bundle__sha256="b" * 64),
    case("PM704", "$.attempts[1].divergence", DIVERGED, attempts__1__divergence=None),
    case(
        "PM704",
        "$.attempts[1].divergence.second",
        DIVERGED,
        attempts__1__divergence__second="a",
        attempts__1__divergence__first="a",
    ),
    case("PM704", "$.attempts[3].error", DIVERGED, attempts__3__error=None),
    case("PM704", "$.attempts[3].recorded_bundle", DIVERGED, attempts__3__recorded_bundle={"sha256": "a" * 64}),
    case("PM705", "$.attempts[3].status", DIVERGED),
    case("PM713", "$.attempts[1].status", DIVERGED),
    case("PM713", "$.attempts[2].status", DIVERGED),
    case("PM201", "$.account.n_passed", CONFORMING, account__n_passed=12),
    case("PM202", "$.account.n_checks", CONFORMING, account__n_checks=18),
    case("PM203", "$.checks[1]", CONFORMING, checks__1__check="perfect_data"),
    case("PM714", "$.status", CONFORMING, status="passed"),
    case("PM714", "$.checks[0].outcome", CONFORMING, checks__0__said=[]),
    case("PM714", "$.checks[5].outcome", CONFORMING, checks__5__said=["the object is wrong"]),
    case("PM714", "$.checks[0].reason", CONFORMING, checks__0__reason=None),
    case("PM714", "$.checks[5].duration_s", CONFORMING, checks__5__duration_s=None),
    case("PM717", "$.status", NOT_CONFORMING),
    case("PM717", "$.status", ("conformance", "not-begun")),
)
