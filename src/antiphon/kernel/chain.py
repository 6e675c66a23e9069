"""Chains: may it pass, and how changed? Every step answers, in named stages; an error refuses (fails closed)."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One step: given the subject it returns it (changed or not), or raises `DomainError` to refuse."""

    name: str
    stage: enum.Enum
    run: Callable[[S], S]


class Chain(Generic[S]):
    """Steps in the order of the stages of one Enum; within a stage in the order of their names."""

    def __init__(self, stages: type[enum.Enum], steps: Iterable[Step[S]] = ()) -> None:
        self._order = {stage: index for index, stage in enumerate(stages)}
        self._steps: tuple[Step[S], ...] = ()
        for step in steps:
            self.add(step)

    def add(self, step: Step[S]) -> None:
        if any(known.name == step.name for known in self._steps):
            raise ValueError(f"a step named {step.name!r} is there already")
        self._steps = tuple(sorted((*self._steps, step), key=lambda s: (self._order[s.stage], s.name)))

    @property
    def steps(self) -> tuple[Step[S], ...]:
        return self._steps

    def run(self, subject: S) -> S:
        for step in self._steps:
            subject = step.run(subject)
        return subject
