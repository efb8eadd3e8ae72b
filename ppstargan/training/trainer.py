"""The training run of any system: a folder, a loop over iterations, and what is logged, drawn and saved on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import shutil
import signal
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import paddle

from ppstargan import checkpoint, pictures
from ppstargan.config import Config
from ppstargan.data.batches import batches
from ppstargan.errors import UserError
from ppstargan.files import reason
from ppstargan.format.finite import first_not_finite
from ppstargan.nets import in_order
from ppstargan.runtime import choose_gpu_arithmetic, seed_everything, stop_signals
from ppstargan.training import distributed, feeding, runs, state
from ppstargan.training.amp import GradScaler
from ppstargan.training.divergence import Diverged, going_on, report_divergence
from ppstargan.training.logs import Logger, Stopwatch, output_to_a_full_disk, progress_line
from ppstargan.training.peers import Gone
from ppstargan.training.step import check_pieces, copies, follow, iterate


class Trainer:
    """Holds the system of one run; ``run`` trains it to the configured iteration."""

    def __init__(self, config: Config, kind):
        """``kind`` is a module of ``systems/``: what reads the data, draws samples, and makes the networks."""
        distributed.start()
        self.first = distributed.rank() == 0  # of several processes, the one that writes
        self.config, self.kind, self.folder, self.iteration = config, kind, None, 0
        self.data = kind.read(config)
        seed_everything(config.train.seed)
        self.system = kind.System(config, self.data)
        self.averages = copies(self.system.networks, self.system.averaged)
        self.loaded = set()  # names of networks that came from a file
        t, processes = config.train, distributed.count()
        check_pieces(config, self.system, processes)
        if self.system.across_batch and processes > 1 and self.first:
            print(f"{processes} processes: each normalises its own share of a batch")
        choose_gpu_arithmetic(t.tf32, t.channels_last)
        in_order.choose(t.deterministic)
        self.precision = t.amp if paddle.get_device().startswith("gpu") else "none"
        if self.precision != t.amp:
            print(f"train.amp={t.amp} needs a GPU, since Paddle has no such arithmetic on a CPU: training in float32")
        self.scaler = GradScaler() if self.precision == "float16" else None
        self.logger, self.log_size, self.save_tried = None, None, None  # the iteration of the last attempt to save
        self.amid = False  # within an iteration, when the networks are not what any iteration ends with
        self.unread = feeding.Losses()
        self.losses, self.figures = {}, {}  # the newest of every term, of which not every iteration has all; and of all

    @property
    def state(self) -> state.State:
        """All that a checkpoint keeps of the networks."""
        s = self.system
        names, system = self.data.names, self.config.system
        return state.State(s.networks, s.frozen, self.averages, s.optimizers, s.architecture, names, system)

    def initialise(self, weights) -> list:
        """Starts from a file of weights; returns lines that say what came from it and what starts fresh."""
        stored = checkpoint.load(weights)
        state.fit_frozen(self.system, stored, weights)
        lines = state.initialise(self.state, weights, stored)
        self.loaded |= {*stored.get("nets", {}), *stored.get("averages", {})}
        return lines

    def resume(self, path: Path, allow_changes: bool = False) -> None:
        """Goes on from a checkpoint of ``save`` or from a converted run of the authors' code.

        The newest checkpoint of a run goes on in its folder, anything else in a new one; ``run`` raises lock.Busy where
        another training is in it. Raises UserError where what changes the training differs, unless that is allowed.
        """
        stored = checkpoint.load(path)
        state.check_same(stored, self.state, self.config.data.root, str(path))
        state.fit_frozen(self.system, stored, path)
        state.restore(stored, self.state, str(path))
        runs.compare_training(stored, self.config, self.data.digests, path, allow_changes)
        self.iteration, self.log_size = stored["iteration"], stored.get("log_size")
        self.system.memory = stored.get("memory") or {}
        if self.scaler and stored.get("scaler"):
            self.scaler.restore(stored["scaler"])
        self.loaded |= set(stored["nets"])
        self.folder = runs.own_folder(path)

    @distributed.alone()
    def save(self) -> None:
        """Writes the checkpoint of this iteration, says so, and removes old ones.

        All that training draws follows from the seed and the iteration, and nothing from the random states of Python,
        NumPy or Paddle, so none is kept. Raises Diverged, and writes nothing, where the weights are not finite.
        """
        self.save_tried = self.iteration
        self._check_losses()
        if not self.first:
            return
        path, t = runs.checkpoint_path(self.folder, self.iteration), self.config.train
        content = state.content(
            self.state,
            images=self.data.digests,
            config=dataclasses.asdict(self.config),
            iteration=self.iteration,
            **self.system.schedule(self.iteration),
            memory=getattr(self.system, "memory", {}),
            scaler=self.scaler and self.scaler.state(),
            log_size=self.logger and self.logger.written(),
        )
        changed = {part: content[part] for part in ("nets", "averages", "optimizers", "memory")}
        self._stop_if_not_finite(self.iteration, self.losses, changed)
        checkpoint.save(content, path)
        print(f"wrote {path}", flush=True)
        runs.prune(self.folder, t.keep_last, t.keep_every)

    def _check_losses(self) -> None:
        """Looks at the losses since the last time. Raises Diverged at the first iteration with one not finite."""
        for iteration, new in self.unread.read():
            self._stop_if_not_finite(iteration, new, new)
            self.losses.update(new)

    def _stop_if_not_finite(self, iteration: int, losses: dict, values: dict) -> None:
        name = first_not_finite(values)
        if name and not self.first:  # the losses are the same in all processes
            raise Diverged(f"{name} is not finite at iteration {iteration}; process 0 says more")
        if name:
            raise report_divergence(self.folder, self.config, self.draw, iteration, losses, name)

    @property
    def draw(self):
        """Draws a sample to train on: ``kind.draw``, as a function of (rng, load)."""
        return partial(self.kind.draw, self.data.train, self.config)

    def ema_beta(self) -> float:
        """Decay of the moving averages at this iteration; warming up, they follow the networks at first."""
        beta, i = self.config.train.ema_beta, self.iteration
        return min(beta, (1 + i) / (10 + i)) if self.config.train.ema_warmup else beta

    def train_iteration(self, batch) -> dict:
        """All updates on a batch of tensors, then the moving averages. Returns the terms of the losses."""
        t = self.config.train
        # So that what Paddle draws, such as dropout, is a function of the iteration too.
        paddle.seed(zlib.crc32(f"{t.seed} {self.iteration} {distributed.rank()}".encode()))
        report = iterate(
            self.system,
            batch,
            self.iteration,
            accumulate=t.accumulate,
            precision=self.precision,
            scaler=self.scaler,
        )
        follow(self.averages, self.system.networks, self.ema_beta() if self.averages else 0.0)
        self.iteration += 1
        return report

    @output_to_a_full_disk()
    def run(self) -> int:
        """Trains to the last iteration. Returns 0, or 128 + the signal that stopped it after a last checkpoint."""
        t = self.config.train
        if self.iteration >= t.iterations:
            print(f"{self.iteration} of {t.iterations} iterations are done; raise train.iterations to go on")
            return 0
        self.system.prepare(self.loaded)
        distributed.exchange()  # the first reads more than the others
        nets = (*self.system.networks.values(), *self.averages.values())
        distributed.from_first(tensor for net in nets for tensor in net.state_dict().values())
        new, start = self.folder is None and self.first, self.iteration
        if new:  # only now: a failed start leaves no folder behind
            self.folder = runs.new_run_folder(self.config)
        try:
            with runs.taken(self.folder, start) if self.first else contextlib.nullcontext():
                stopped = self._train_and_keep(start)
        finally:
            if new and self.iteration == start:
                shutil.rmtree(self.folder, ignore_errors=True)
                print(f"no iteration was done: {self.folder} is removed again", flush=True)
        distributed.exchange()  # the first has saved
        if stopped and self.first:
            name = signal.Signals(stopped).name
            print(f"stopped by {name} after iteration {self.iteration}; go on: {runs.resuming(self.folder)}")
        return 128 + stopped if stopped else 0

    def _train_and_keep(self, start: int) -> int:
        """``_train``, from the iteration ``start``; where an error ends it, what was trained until there is saved."""
        self.folder = Path(distributed.exchange(str(self.folder))[0])
        distributed.in_the_end(partial(runs.left, self.folder))
        try:
            return self._train()
        except Diverged:
            raise
        except (UserError, OSError) as error:  # an image that went bad, say
            if start < self.iteration != self.save_tried and not self.amid:
                try:
                    self.save()
                except UserError as second:
                    raise UserError(f"{error}; {second}") from None
                except OSError:  # the line that says that it is written
                    pass
            if isinstance(error, OSError):  # a pipe or a terminal was closed, say
                what = f"what the run prints and logs cannot be written ({reason(error)})"
                going = f"; go on: {runs.resuming(self.folder)}" if self.first and self.iteration > start else ""
                raise UserError(what + going) from None
            if isinstance(error, Gone):
                raise Gone(f"{error}; {runs.left(self.folder)}") from None
            raise

    def _train(self) -> int:
        """Trains to the last iteration. Returns 0, or the signal that stopped it."""
        t, data = self.config.train, self.config.data
        watch, log = Stopwatch(), contextlib.nullcontext()
        if self.first:
            visualdl = shlex.quote(str(self.folder / "visualdl"))
            print(f"run: {self.folder}\nwatch it: visualdl --logdir {visualdl}", flush=True)
            runs.save_config(self.folder, self.config, self.iteration)
            self.logger = Logger(self.folder, self.config, self.iteration, self.log_size)
            log = contextlib.closing(self.logger)
        on_cpu = paddle.get_device() == "cpu"
        drawn = batches(
            self.draw,
            start=self.iteration,
            batch_size=t.batch_size,
            seed=t.seed,
            count=self.data.count,
            workers=data.workers,
            max_bad_share=data.max_bad_share,
            share=(distributed.rank(), distributed.count()),
        )
        # The first line says how long all will take, and a GPU's first iteration takes in how its libraries start.
        first_line = self.iteration + (1 if on_cpu else 2)
        eval_every = getattr(t, "eval_every", 0)  # a system may have no figures
        fed = contextlib.closing(feeding.on_device(drawn, feeding.copier()))
        with fed as tensors, log, stop_signals() as stopped:
            for batch in watch.waiting(tensors):
                schedule = self.system.schedule(self.iteration)
                distributed.exchange()  # before a step: what was trained can still be saved where another is gone
                self.amid = True
                report = self.train_iteration(batch)
                self.amid = False
                self.unread.add(self.iteration, report)
                signalled = distributed.largest(stopped[0] if stopped else 0)  # all stop where one is told to
                i, last = self.iteration, self.iteration >= t.iterations or signalled > 0
                logging = i % t.log_every == 0 or last
                # A look at the losses waits for a GPU. Until then they are kept, so that the first bad one is named.
                if on_cpu or logging or i <= first_line:
                    self._check_losses()
                if logging and self.first:
                    self._log(schedule, watch)
                elif self.first and i == first_line:
                    self._say_progress(schedule, watch)
                elif i < first_line:
                    watch.restart()
                # Sheets and figures before the checkpoint: it says how much of the log belongs to it.
                if self.first and (i % t.sample_every == 0 or (last and not signalled)):
                    with going_on():
                        self.draw_sheets()
                if self.first and eval_every and i % eval_every == 0:
                    with going_on():
                        self._evaluate()
                    watch.restart()
                if self.first and (last or (self.figures if eval_every else logging)):
                    self.logger.hyperparameters(self.config, [*self.losses, *self.figures])
                if last:
                    self.save()
                    return signalled
                if i % t.save_every == 0:
                    with going_on():
                        self.save()

    def _say_progress(self, schedule: dict, watch: Stopwatch) -> dict:
        """Prints a line, and returns what it says of the speed, for the curves."""
        t, rates = self.config.train, watch.rates(self.config.train.batch_size)
        print(progress_line(self.iteration, t.iterations, self.losses, schedule, rates), flush=True)
        return {"speed/images_per_second": rates[1], "speed/waiting_for_data": rates[2]}

    def _log(self, schedule: dict, watch: Stopwatch) -> None:
        speed = self._say_progress(schedule, watch)
        rates = {f"lr/{name}": optimizer.get_lr() for name, optimizer in self.system.optimizers.items()}
        self.logger.scalars({**self.losses, **schedule, **rates, **speed}, self.iteration)

    @distributed.alone()
    def _evaluate(self) -> None:
        """Logs the system's figures of its moving averages."""
        folder, cache = self.folder / "evaluation" / f"{self.iteration:07d}", Path(self.config.output) / "features"
        self.figures = self.system.evaluate(self.averages, folder, cache)
        self.logger.scalars(self.figures, self.iteration)

    @distributed.alone()
    def draw_sheets(self) -> None:
        """Draws the system's sheets into ``samples/`` and says so."""
        for name, image in self.system.sheets({**self.system.networks, **self.averages}).items():
            path = self.folder / "samples" / f"{self.iteration:07d}_{name}.png"
            pictures.save_image(np.asarray(image), path)
            self.logger.picture(f"samples/{name}", image, self.iteration)
            print(f"wrote {path}", flush=True)
