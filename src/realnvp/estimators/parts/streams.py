"""Learning from more rows than there are in memory: those of a function, or of many files."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from realnvp.data.batches import Batch, Deck, stream
from realnvp.data.check import refuse_gaps
from realnvp.data.columns import Codec, coded, kinds_of, labels_of
from realnvp.data.many import ManyFiles, Reader, Survey, survey
from realnvp.data.rows import Frame
from realnvp.errors import InputError
from realnvp.estimators.parts.base import check_params, fitting, seed_of
from realnvp.estimators.parts.build import scalers
from realnvp.estimators.parts.columns import in_code, told_apart
from realnvp.estimators.parts.crew import Crew
from realnvp.estimators.parts.frames import column_names
from realnvp.estimators.parts.gaps import fill
from realnvp.estimators.parts.gaussians import Gaussians
from realnvp.estimators.parts.member import Member
from realnvp.estimators.parts.rows import drawn, fingerprint, scaled, tensor
from realnvp.estimators.parts.sample import Sample, mean_of
from realnvp.estimators.parts.settings import AUTO
from realnvp.train.resume import Checkpoint
from realnvp.train.world import here

__all__ = ["Streams"]


class Streams:
    """Fits of a density to rows that come in a stream; ``_sample`` and ``_take`` are the estimator's."""

    gap_mixture_: Gaussians | None

    @fitting
    def fit_stream(self: Any, draw: Callable[[int], ArrayLike], *, held_out: int = 5000) -> Any:
        """Learn from fresh rows at every step: ``draw(n)`` returns an array of shape (n, D).

        Standardisation and the held-out figure come from the first ``held_out`` rows drawn.
        """
        started, world = here().now(), here()
        check_params(self, AUTO)
        sample = self._sample(draw(held_out))
        world.same(lambda: fingerprint(sample.tensors()), "first rows of the stream")
        refuse_gaps(sample.arrays[0], names := column_names(self), "a stream gives whole rows")
        seed, self.gap_mixture_ = world.first(lambda: seed_of(self.random_state)), None
        noise = np.random.default_rng(seed)
        log_m = float(self._log_m.mean())
        crew = Crew(self, sample, sample, seed, started, measured=True, many=10**9, log_m=log_m)

        def fresh(n: int) -> Tensor:
            rows = self.laws_.independent(drawn(draw, n, len(names)))
            y = in_code(self.codec_, rows, int(noise.integers(2**32)))[0]
            return scaled(scalers(crew.scaler), [y])[0]

        crew.learn(crew.first(), world.shared(stream(fresh, self.batch_size)))
        return self._take(crew)

    @fitting
    def fit_files(
        self: Any,
        data: str | os.PathLike | Survey,
        *,
        columns: Sequence[str] = (),
        context: Sequence[str] = (),
        shard: tuple[int, int] | None = None,
        window: int | None = None,
        skip_bad_files: bool = False,
        checkpoint: Checkpoint | None = None,
    ) -> Any:
        """Learn from Parquet files that need not fit in memory: a folder, a glob, an address, or their ``Survey``.

        One pass counts the rows, finds the moments of the columns and draws 100,000 rows without favour; what a fit of
        a small table finds in its rows is found in those, the rows held out among them. The training then reads all
        other rows, each once an epoch, shuffled in windows.

        Args:
            data: such as ``"folder"``, ``"folder/*.parquet"``, ``"s3://bucket/folder"``.
            columns: names of those to learn; by default all but the context.
            context: names of those to condition on.
            shard: ``(rank, ranks)``: each of so many processes learns from a part of the rows of its own; by default
                those of ``realnvp.train.joined``, which share each batch.
            window: rows that are shuffled together; by default 128 MiB of them.
            skip_bad_files: leave out files that cannot be read, with a warning, instead of an ``InputError``.
            checkpoint: lets the training go on at the row where it stood.
        """
        started, world = here().now(), here()
        check_params(self, AUTO)
        seed = world.first(lambda: seed_of(self.random_state))
        if not isinstance(data, Survey):
            files = ManyFiles.open(os.fspath(data), columns, context=context, skip_bad_files=skip_bad_files)
            data = survey(files, seed)
        table = _Table(self, data)
        return self._take(table.learn(seed, started, shard or (world.rank, world.size), window, checkpoint))


class _Table:
    """A survey as a model learns it; the model is told what its columns are."""

    def __init__(self, model: Any, found: Survey) -> None:
        self.model, self.found, self.given = model, found, found.files.given
        names = list(found.files.columns)
        self.features = len(names) - self.given
        model.n_features_in_ = self.features
        model.feature_names_in_ = np.asarray(names[: self.features], dtype=object)
        seen = Frame.joined([found.sample, found.rare])
        mine = seen.first(self.features)
        self.labels = labels_of(mine, kinds_of(model.kinds, mine.columns))
        rows = coded(mine, self.labels)
        model.laws_, model.codec_ = here().first(lambda: told_apart(model, rows, mine, self.labels))
        drawn = rows[: len(found.sample)]
        y, model._log_m = in_code(model.codec_, model.laws_.independent(drawn), 0)
        self.sample = Sample([y, *self._context(found.sample)])

    def learn(
        self, seed: int, started: float, shard: tuple[int, int], window: int | None, checkpoint: Checkpoint | None
    ) -> Crew:
        """Train on the files' rows; all that is learnt before the first step is learnt from their survey."""
        model, found, sample = self.model, self.found, self.sample
        filled = fill(sample, model.validation_fraction, seed, missing=model.missing)
        model.gap_mixture_ = filled.mixture if self.given else None
        away = np.union1d(found.away, found.at[filled.held.numpy()]) if filled.measured else found.away
        log_m, many = mean_of(filled.measures(model._log_m, model.codec_), filled.held, sample), found.count - len(away)
        facts: dict[str, Any] = {"measured": filled.measured, "log_m": log_m, "many": many, "moments": self.moments()}
        crew = Crew(model, *filled.parted(), seed, started, **facts)
        world = here()
        if world.size > 1:
            world.same(lambda: fingerprint(sample.tensors()), "files")
        if checkpoint is not None:
            told = [*sample.tensors(), *(tensor(a) for a in (found.mean, found.spread, found.away))]
            checkpoint.about = {
                "data": fingerprint(told),
                "rows": found.count,
                "window": window,
                "shard": [shard[0] - world.rank, shard[1]],
            }
        prepare, size = self._prepare(crew), min(model.batch_size, many) // world.size or 1

        def feed(_: Sequence[Tensor], __: Deck, ___: Member, seed: int) -> tuple[Iterable[Batch], dict]:
            reader = Reader(found.files, prepare, size, seed, away=away, shard=shard, window=window)
            return reader, {"reader": reader}

        crew.train(feed, checkpoint)
        return crew

    def moments(self) -> list[np.ndarray] | None:
        """Return rows with the mean and the spread of all rows, of columns in a code those of the sample's code."""
        if self.found.whole:
            return None
        codec: Codec = self.model.codec_
        parts = [(a.mean(0), a.std(0)) for a in self.sample.arrays]
        for k, (mean, spread) in enumerate(parts):
            columns = slice(None, self.features) if k == 0 else slice(self.features, None)
            known = [a[columns] for a in (self.found.mean, self.found.spread)]
            if k == 0:
                known = [np.array(self.model.laws_.others(a.tolist())) for a in known]
            plain = np.array([c.is_plain for c in codec.columns]) if k == 0 else np.ones(len(mean), bool)
            mean[plain], spread[plain] = known[0][plain], known[1][plain]
        return [np.stack((mean - spread, mean + spread)) for mean, spread in parts]

    def _prepare(self, crew: Crew) -> Callable[[Frame, Sequence[int]], list[Tensor]]:
        """Return what makes standardised rows of the code of a piece, float32, with fresh noise from its seed."""

        def prepared(frame: Frame, seed: Sequence[int]) -> list[Tensor]:
            rows = coded(frame.first(self.features), self.labels) if self.labels else _stacked(frame, self.features)
            self._check(rows)
            try:
                y = in_code(self.model.codec_, self.model.laws_.independent(rows), seed)[0]
            except InputError as error:
                raise InputError(
                    f"{self.found.files.data}: {error}; no row of its sample is like that: say what the column is, "
                    "such as kinds={…: 'continuous'}"
                ) from error
            return scaled(scalers(crew.scaler), [y, *self._context(frame)])

        return prepared

    def _context(self, frame: Frame) -> list[np.ndarray]:
        return [np.stack(frame.parts[self.features :], axis=1)] if self.given else []

    def _check(self, rows: np.ndarray) -> None:
        """Refuse rows that do not obey the laws that the sample obeys."""
        low, high = self.found.low[: self.features], self.found.high[: self.features]
        names = self.found.files.columns
        for law in self.model.laws_.laws:
            away = np.abs(rows[:, law.others] @ np.array(law.slopes) + law.start - rows[:, law.column])
            j = law.column
            if away.max() > 1e-5 * (high[j] - low[j]) + 1e-7 * max(abs(low[j]), abs(high[j])):
                raise InputError(
                    f"{self.found.files.data}: {law.told(names)} in a sample of {len(self.found.sample):,} rows, but "
                    "not in all rows: leave one of these columns out"
                )


def _stacked(frame: Frame, columns: int) -> np.ndarray:
    return np.stack(frame.parts[:columns], axis=1)
