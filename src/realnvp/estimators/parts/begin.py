"""What comes before a flow over an energy is trained: the potential is tried, a population explores it."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from realnvp.estimators.parts.base import seed_of
from realnvp.estimators.parts.explore import Counted, Within, corners, explore, outside, relaxed, walled
from realnvp.estimators.parts.particles import check_bodies
from realnvp.estimators.parts.plan import Plan, plan
from realnvp.estimators.parts.potential import (
    check_grows,
    check_potential,
    features_of,
    known_points,
    trial_points,
    with_gradient,
)
from realnvp.mcmc import Energy
from realnvp.shapes import spread
from realnvp.transforms import Compose

__all__ = ["Begun", "begin"]


@dataclass(frozen=True)
class Begun:
    """The plan, the potential that counts, the transform to its coordinates, the population there and its ``log Z``."""

    course: Plan
    counted: Counted
    outer: Compose
    points: Tensor
    log_z: float
    generator: torch.Generator


def begin(model: Any, potential: Energy, gradient: Energy | None, starts: ArrayLike | None, started: float) -> Begun:
    """Check the parameters of ``model`` and the potential, and let a population find where its energy is low.

    That takes at most half of the model's ``max_time``, by a clock that runs from ``started``.
    """
    features = features_of(potential, model.n_features)
    bounds = model.bounds if model.bounds is not None else getattr(potential, "bounds", None)
    bounds = None if bounds is None else corners(bounds, features)
    generator = torch.Generator().manual_seed(seed_of(model.random_state))
    tried = [trial_points(features, bounds, generator) for _ in range(2)]
    slope = check_potential(potential, tried[0], gradient)
    check_potential(potential, tried[1].double(), gradient)
    course = plan(model, potential, features, slope=slope)
    if bounds is None:
        check_grows(potential, tried[1].double())
    if course.bodies:
        check_bodies(with_gradient(potential, gradient), course.bodies, tried[1].double())
    counted = Counted(with_gradient(potential, gradient))
    half = math.inf if model.max_time is None else started + model.max_time / 2
    outer, found = explore(counted, features, bounds, model.particles, generator, lambda: time.monotonic() > half)
    points = found.x
    if starts is not None:
        known = known_points(starts, features, outer)
        many = known.repeat(1 + model.particles // (4 * len(known)), 1)
        points = torch.cat((points, relaxed(Within(counted, outer), many, 20, generator, scale=spread(points)).x))
    outer, points = outside(outer, points, fixed=course.kernel == "lattice" or course.bodies is not None)
    if course.free and course.objective == "both" and walled(Within(counted, outer), points, generator):
        course = replace(course, objective="forward")  # no gradient tells of a wall
    return Begun(course, counted, outer, points, found.log_z, generator)
