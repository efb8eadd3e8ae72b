"""The training run: a folder, a loop over iterations, and what is logged, drawn and saved on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import shutil
import signal
from pathlib import Path

import paddle

from ppstargan import checkpoint, distributed, pictures
from ppstargan.amp import GradScaler
from ppstargan.config import Config
from ppstargan.data.batches import Batch, training_batches
from ppstargan.data.folders import check_same_domains, find_domains
from ppstargan.divergence import Diverged, first_not_finite, going_on, report_divergence
from ppstargan.errors import UsageError, UserError
from ppstargan.evaluate import evaluate_in_training
from ppstargan.face.weights import load_fan
from ppstargan.logs import Logger, Stopwatch, progress_line
from ppstargan.metrics.judges import load_judges
from ppstargan.metrics.protocol import Settings
from ppstargan.phases import Weights, adam_optimizers, lambda_ds_at, train_step
from ppstargan.runs import (
    checkpoint_path,
    checkpoints,
    compare_training,
    image_lists,
    new_run_folder,
    prune,
    remove_partial_files,
    resuming,
    save_config,
)
from ppstargan.runtime import choose_gpu_arithmetic, seed_everything, stop_signals
from ppstargan.sheets import sample_sheets, sheet_images
from ppstargan.stargan_v2 import AVERAGED, NETWORKS, Networks, update_average


class Trainer:
    """Holds the networks of one run; ``run`` trains them to the configured iteration."""

    def __init__(self, config: Config):
        distributed.start()
        self.first = distributed.rank() == 0  # of several processes, the one that writes
        self.config, self.folder, self.iteration, self.has_fan = config, None, 0, config.model.w_hpf == 0
        root = Path(config.data.root)
        self.train_images = find_domains(root / "train", min_images=2)
        self.val_images = find_domains(root / "val")
        self.domains, self.image_lists = list(self.train_images), image_lists(root / "train", self.train_images)
        check_same_domains(root, self.domains, self.val_images)
        seed_everything(config.train.seed)
        self.nets = Networks(len(self.domains), **dataclasses.asdict(config.model))
        self.average = self.nets.averages()
        t = config.train
        pieces = distributed.count() * t.accumulate
        if t.batch_size % pieces:
            raise UsageError(
                f"train.batch_size={t.batch_size} counts the images of all processes; "
                f"it must be a multiple of {pieces}, the processes times train.accumulate"
            )
        self.optimizers = adam_optimizers(self.nets, t.lr, t.f_lr, t.beta1, t.beta2, t.weight_decay)
        choose_gpu_arithmetic(t.tf32, t.channels_last)
        self.amp = t.amp if paddle.get_device().startswith("gpu") else "none"
        if self.amp != t.amp:
            print(f"train.amp={t.amp} needs a GPU, since Paddle has no such arithmetic on a CPU: training in float32")
        self.scaler = GradScaler() if self.amp == "float16" else None
        self.logger, self.log_size, self.save_tried = None, None, None  # the last: the iteration of the last attempt
        self.unchecked = {}  # iteration -> its losses, which nobody has looked at yet

    def initialise(self, weights) -> list:
        """Starts from a file of weights; returns lines that say what came from it and what starts fresh."""
        lines = checkpoint.initialise(self.nets, self.average, weights, self.domains)
        self.has_fan |= any(line.startswith("fan:") for line in lines)
        return lines

    def resume(self, path: Path, allow_changes: bool = False) -> None:
        """Goes on from a checkpoint of ``save`` or from a converted run of the authors' code.

        The newest checkpoint of a run goes on in the run's folder, anything else in a new one. Raises UserError where
        configuration or images differ in a way that changes the training, unless that is allowed.
        """
        content = checkpoint.load(path)
        if not content["architecture"]:
            raise UserError(f"{path} holds no StarGAN v2, so no run can go on from it; give a run's checkpoint")
        theirs, count = content.get("domains"), content["architecture"].get("num_domains")
        if count != len(self.domains) or list(theirs or self.domains) != self.domains:
            raise UserError(
                f"{path} was trained on {', '.join(theirs) if theirs else f'{count} domains'}, "
                f"and {Path(self.config.data.root).absolute()} has {', '.join(self.domains)}"
            )
        checkpoint.restore(content, self.nets, self.average, self.optimizers, str(path))
        compare_training(content, self.config, self.image_lists, path, allow_changes)
        self.iteration, self.log_size = content["iteration"], content.get("log_size")
        if self.scaler and content.get("scaler"):
            self.scaler.restore(content["scaler"])
        self.has_fan |= "fan" in content["nets"]
        # In its own folder only from the newest checkpoint: a branch would write over what came after.
        if path.parent.name == "checkpoints" and checkpoints(path.parent.parent)[-1:] == [path]:
            self.folder = path.parent.parent
            remove_partial_files(self.folder)

    def save(self) -> None:
        """Writes the checkpoint of this iteration, says so, and removes old ones.

        All that training draws follows from the seed and the iteration, and nothing from the random states of Python,
        NumPy or Paddle, so none is kept. Raises Diverged, and writes nothing, where the weights are not finite.
        """
        self.save_tried = self.iteration
        self._check_losses()
        if not self.first:
            return
        path, t = checkpoint_path(self.folder, self.iteration), self.config.train
        state = checkpoint.training_state(
            self.nets,
            self.average,
            self.optimizers,
            architecture=self.nets.architecture,
            domains=self.domains,
            images=self.image_lists,
            config=dataclasses.asdict(self.config),
            iteration=self.iteration,
            lambda_ds=self.lambda_ds(),
            scaler=self.scaler and self.scaler.state(),
            log_size=self.logger and self.logger.written(),
        )
        self._stop_if_not_finite(self.iteration, self.losses, {k: state[k] for k in ("nets", "averages", "optimizers")})
        checkpoint.save(state, path)
        print(f"wrote {path}", flush=True)
        prune(self.folder, t.keep_last, t.keep_every)

    def _check_losses(self) -> None:
        """Looks at the losses since the last time. Raises Diverged at the first iteration with one not finite."""
        while self.unchecked:
            iteration = min(self.unchecked)
            self.losses = {name: float(value) for name, value in self.unchecked.pop(iteration).items()}
            self._stop_if_not_finite(iteration, self.losses, self.losses)

    def _stop_if_not_finite(self, iteration: int, losses: dict, values: dict) -> None:
        name = first_not_finite(values)
        if name and not self.first:  # the losses are the same in all processes
            raise Diverged(f"{name} is not finite at iteration {iteration}; process 0 says more")
        if name:
            raise report_divergence(self.folder, self.config, self.train_images, iteration, losses, name)

    def lambda_ds(self) -> float:
        """Weight of the diversity term at this iteration."""
        return lambda_ds_at(self.iteration, self.config.loss.lambda_ds, self.config.loss.ds_iter)

    def ema_beta(self) -> float:
        """Decay of the moving averages at this iteration; warming up, they follow the networks at first."""
        beta, i = self.config.train.ema_beta, self.iteration
        return min(beta, (1 + i) / (10 + i)) if self.config.train.ema_warmup else beta

    def train_iteration(self, batch: Batch) -> dict:
        """The four updates, then the moving averages. Returns the parts of the losses."""
        c = self.config.loss
        weights = Weights(c.lambda_reg, c.lambda_sty, self.lambda_ds(), c.lambda_cyc)
        report = train_step(
            self.nets,
            self.optimizers,
            Batch(*map(paddle.to_tensor, batch)),
            weights,
            accumulate=self.config.train.accumulate,
            amp=self.amp,
            scaler=self.scaler,
        )
        update_average(self.average, self.nets, self.ema_beta())
        self.iteration += 1
        return report

    def run(self) -> int:
        """Trains to the last iteration. Returns 0, or 128 + the signal that stopped it after a last checkpoint."""
        t = self.config.train
        if self.iteration >= t.iterations:
            print(f"{self.iteration} of {t.iterations} iterations are done; raise train.iterations to go on")
            return 0
        face = self.config.face
        if not self.has_fan and (Path(face.fan).is_file() or not face.allow_random_fan):
            self.nets.fan = self.average.fan = load_fan(face.fan, "; or try without by -o face.allow_random_fan=true")
        elif not self.has_fan:
            print(f"no {face.fan}: the face alignment network has RANDOM weights, and its masks mean nothing")
        # Both now, so that what is missing or bad shows before hours of training.
        self.sheet_images = sheet_images(self.val_images, self.config.model.img_size)
        self.judges = load_judges() if t.eval_every else None
        nets = [getattr(self.nets, name) for name in NETWORKS] + [getattr(self.average, name) for name in AVERAGED]
        distributed.from_first(parameter for net in nets for parameter in net.parameters())
        new, start = self.folder is None and self.first, self.iteration
        if new:  # only now: a failed start leaves no folder behind
            self.folder = new_run_folder(self.config)
        try:
            stopped = self._train()
        except Diverged:
            raise
        except (UserError, OSError) as error:  # an image that went bad, say: what was trained until here is kept
            if start < self.iteration != self.save_tried:
                try:
                    self.save()
                except UserError as second:
                    raise UserError(f"{error}; {second}") from None
                except OSError:  # the line that says that it is written
                    pass
            if isinstance(error, OSError):  # a pipe or a terminal was closed, say
                what = f"what the run prints and logs cannot be written ({error.strerror or error})"
                going = f"; go on: {resuming(self.folder)}" if self.first and self.iteration > start else ""
                raise UserError(what + going) from None
            raise
        finally:
            if new and self.iteration == start:
                shutil.rmtree(self.folder, ignore_errors=True)
                print(f"no iteration was done: {self.folder} is removed again", flush=True)
        if stopped and self.first:
            name = signal.Signals(stopped).name
            print(f"stopped by {name} after iteration {self.iteration}; go on: {resuming(self.folder)}")
        return 128 + stopped if stopped else 0

    def _train(self) -> int:
        """Trains to the last iteration. Returns 0, or the signal that stopped it."""
        t, m, data = self.config.train, self.config.model, self.config.data
        watch, log = Stopwatch(), contextlib.nullcontext()
        if self.first:
            visualdl = shlex.quote(str(self.folder / "visualdl"))
            print(f"run: {self.folder}\nwatch it: visualdl --logdir {visualdl}", flush=True)
            save_config(self.folder, self.config, self.iteration)
            self.logger = Logger(self.folder, self.config, self.iteration, self.log_size)
            log = contextlib.closing(self.logger)
        on_cpu = paddle.get_device() == "cpu"
        batches = training_batches(
            self.train_images,
            start=self.iteration,
            batch_size=t.batch_size,
            img_size=m.img_size,
            latent_dim=m.latent_dim,
            crop_probability=data.crop_probability,
            max_bad_share=data.max_bad_share,
            seed=t.seed,
            workers=data.workers,
            share=(distributed.rank(), distributed.count()),
        )
        told = False
        with contextlib.closing(batches), log, stop_signals() as stopped:
            for batch in watch.waiting(batches):
                lambda_ds = self.lambda_ds()
                report = self.train_iteration(batch)
                self.unchecked[self.iteration] = report
                signalled = distributed.largest(stopped[0] if stopped else 0)  # all stop where one is told to
                i, last = self.iteration, self.iteration >= t.iterations or signalled > 0
                logging = i % t.log_every == 0 or last
                # A look at the losses waits for a GPU. Until then they are kept, so that the first bad one is named.
                if on_cpu or logging or not told:
                    self._check_losses()
                if logging and self.first:
                    self._log(lambda_ds, watch)
                elif self.first and not told:  # the first line at once: it says how long all will take
                    print(progress_line(i, t.iterations, self.losses, lambda_ds, watch.rates(t.batch_size)), flush=True)
                told = True
                # Sheets and figures before the checkpoint: it says how much of the log belongs to it.
                if self.first and (i % t.sample_every == 0 or (last and not signalled)):
                    with going_on():
                        self.draw_sheets()
                if self.first and self.judges and i % t.eval_every == 0:
                    with going_on():
                        self._evaluate()
                    watch.restart()
                if last:
                    self.save()
                    return signalled
                if i % t.save_every == 0:
                    with going_on():
                        self.save()

    def _log(self, lambda_ds: float, watch: Stopwatch) -> None:
        t = self.config.train
        rates = watch.rates(t.batch_size)
        print(progress_line(self.iteration, t.iterations, self.losses, lambda_ds, rates), flush=True)
        rows = {"lambda_ds": lambda_ds, "lr/generator": t.lr, "lr/mapping_network": t.f_lr}
        speed = {"speed/images_per_second": rates[1], "speed/waiting_for_data": rates[2]}
        self.logger.scalars({**self.losses, **rows, **speed}, self.iteration)

    def _evaluate(self) -> None:
        """Logs FID, KID and LPIPS of the moving averages."""
        t, data = self.config.train, self.config.data
        settings = Settings(sources=t.eval_sources, seeds=(t.seed,), batch_size=t.batch_size, workers=data.workers)
        settings = settings._replace(max_bad_share=data.max_bad_share)
        folder, cache = self.folder / "evaluation" / f"{self.iteration:07d}", Path(self.config.output) / "features"
        images = self.train_images, self.val_images
        values = evaluate_in_training(self.average, *images, self.judges, folder, cache, settings)
        self.logger.scalars(values, self.iteration)

    def draw_sheets(self) -> None:
        """Draws the sample sheets of the moving averages into ``samples/`` and says so."""
        t = self.config.train  # its seed: the same latents on every sheet of a run
        for name, image in sample_sheets(self.average, self.sheet_images, self.config.model.latent_dim, t.seed).items():
            path = self.folder / "samples" / f"{self.iteration:07d}_{name}.png"
            pictures.save_image(image, path)
            self.logger.picture(f"samples/{name}", image, self.iteration)
            print(f"wrote {path}", flush=True)
