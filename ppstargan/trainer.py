"""The training run: a folder, a loop over iterations, and what is logged, drawn and saved on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shlex
import signal
from datetime import datetime
from pathlib import Path

import numpy as np
import paddle

from ppstargan import checkpoint, pictures
from ppstargan.amp import GradScaler
from ppstargan.config import Config, to_yaml
from ppstargan.data.batches import Batch, load_batch, training_batches
from ppstargan.data.folders import check_same_domains, find_domains
from ppstargan.errors import UserError
from ppstargan.logs import Logger, Stopwatch, progress_line
from ppstargan.phases import Weights, adam_optimizers, lambda_ds_at, train_step
from ppstargan.runtime import choose_gpu_arithmetic, seed_everything, stop_signals
from ppstargan.stargan_v2 import Networks, update_average

SHEET_SOURCES = 8  # images across a sample sheet
SHEET_LATENTS = 2  # latents for each domain of a latent sheet
MEAN_LATENTS = 1000  # latents behind a domain's mean style

FAN_HELP = (
    "convert the authors' wing.ckpt (`bash download.sh wing` in github.com/clovaai/stargan-v2 fetches it): "
    "python tools/convert_torch_weights.py wing.ckpt {path}; or try without by -o face.allow_random_fan=true"
)


def new_run_folder(config: Config) -> Path:
    """Makes OUTPUT/NAME-DATE-TIME, a folder that was not there before."""
    stem = f"{config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    for suffix in ("", *(f"-{i}" for i in range(2, 100))):
        folder = Path(config.output) / (stem + suffix)
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(
                f"no run folder {folder.absolute()} can be made ({error.strerror}); name another by -o output=FOLDER"
            ) from None
    raise UserError(f"{Path(config.output).absolute()} already holds many runs {stem}; try again in a second")


def _checkpoints(run: Path) -> list:
    """The checkpoints in a run's folder, the newest last."""
    return sorted((run / "checkpoints").glob("[0-9]*.pdparams"))


def find_checkpoint(config: Config, where: str | None) -> Path:
    """The checkpoint to go on from: a file, the newest of a run's folder, or of the newest run of this name."""
    if where and Path(where).is_file():
        return Path(where)
    if where and not Path(where).is_dir():
        raise UserError(f"nothing to resume at {Path(where).absolute()}; give a checkpoint or a run's folder")
    if where and Path(where).name == "checkpoints":
        where = str(Path(where).parent)
    runs = [Path(where)] if where else sorted(Path(config.output).glob(f"{config.name}-[0-9]*"), reverse=True)
    for run in runs:
        found = _checkpoints(run)
        if found:
            return found[-1]
    place = Path(where).absolute() if where else Path(config.output).absolute() / f"{config.name}-*"
    raise UserError(f"no checkpoint to resume in {place}/checkpoints; start a run without --resume")


class Diverged(UserError):
    """The losses are no longer finite; what is in memory is not worth keeping."""


class Trainer:
    """Holds the networks of one run; ``run`` trains them to the configured iteration."""

    def __init__(self, config: Config):
        self.config, self.folder, self.iteration, self.has_fan = config, None, 0, config.model.w_hpf == 0
        root = Path(config.data.root)
        self.train_images = find_domains(root / "train", min_images=2)
        self.val_images = find_domains(root / "val")
        self.domains = list(self.train_images)
        check_same_domains(root, self.domains, self.val_images)
        seed_everything(config.train.seed)
        self.nets = Networks(len(self.domains), **dataclasses.asdict(config.model))
        self.average = self.nets.averages()
        t = config.train
        self.optimizers = adam_optimizers(self.nets, t.lr, t.f_lr, t.beta1, t.beta2, t.weight_decay)
        choose_gpu_arithmetic(t.tf32, t.channels_last)
        self.amp = t.amp if paddle.get_device().startswith("gpu") else "none"
        if self.amp != t.amp:
            print(f"train.amp={t.amp} needs a GPU, since Paddle has no such arithmetic on a CPU: training in float32")
        self.scaler = GradScaler() if self.amp == "float16" else None

    def initialise(self, weights) -> list:
        """Starts from a file of weights; returns lines that say what came from it and what starts fresh."""
        lines = checkpoint.initialise(self.nets, self.average, weights, self.domains)
        self.has_fan |= any(line.startswith("fan:") for line in lines)
        return lines

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint of ``save`` or from a converted run of the authors' code.

        The newest checkpoint of a run goes on in the run's folder, anything else in a new one.
        """
        content = checkpoint.load(path)
        theirs, count = content.get("domains"), content["architecture"].get("num_domains")
        if count != len(self.domains) or list(theirs or self.domains) != self.domains:
            raise UserError(
                f"{path} was trained on {', '.join(theirs) if theirs else f'{count} domains'}, "
                f"and {Path(self.config.data.root).absolute()} has {', '.join(self.domains)}"
            )
        checkpoint.restore(content, self.nets, self.average, self.optimizers, str(path))
        self.iteration = content["iteration"]
        if self.scaler and content.get("scaler"):
            self.scaler.restore(content["scaler"])
        self.has_fan |= "fan" in content["nets"]
        # In its own folder only from the newest checkpoint: a branch would write over what came after.
        if path.parent.name == "checkpoints" and path == _checkpoints(path.parent.parent)[-1]:
            self.folder = path.parent.parent

    def _load_fan(self) -> None:
        path = Path(self.config.face.fan)
        if path.is_file() or not self.config.face.allow_random_fan:
            content = checkpoint.load(path, "model.w_hpf > 0 needs them, so " + FAN_HELP.format(path=path))
            checkpoint.fill(self.nets.fan, content.get("nets", {}).get("fan", {}), f"{path}, fan")

    def save(self) -> Path:
        """Writes the checkpoint of this iteration, says so, and returns its path."""
        path = self.folder / "checkpoints" / f"{self.iteration:07d}.pdparams"
        state = checkpoint.training_state(
            self.nets,
            self.average,
            self.optimizers,
            architecture=self.nets.architecture,
            domains=self.domains,
            iteration=self.iteration,
            lambda_ds=self.lambda_ds(),
            scaler=self.scaler and self.scaler.state(),
        )
        checkpoint.save(state, path)
        print(f"wrote {path}", flush=True)
        return path

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
        t, m, data = self.config.train, self.config.model, self.config.data
        if self.iteration >= t.iterations:
            print(f"{self.iteration} of {t.iterations} iterations are done; raise train.iterations to go on")
            return 0
        if not self.has_fan:
            self._load_fan()
        self.sheet_images = self._load_sheet_images()  # now, so that a bad one shows before hours of training
        if self.folder is None:  # only now: a failed start leaves no folder behind
            self.folder = new_run_folder(self.config)
        visualdl = shlex.quote(str(self.folder / "visualdl"))
        print(f"run: {self.folder}\nwatch it: visualdl --logdir {visualdl}", flush=True)
        self._save_config()
        logger, watch = Logger(self.folder, self.config, self.iteration), Stopwatch()
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
        )
        with contextlib.closing(batches), contextlib.closing(logger), stop_signals() as stopped:
            try:
                for batch in watch.waiting(batches):
                    lambda_ds = self.lambda_ds()
                    report = self.train_iteration(batch)
                    i, last = self.iteration, self.iteration >= t.iterations or bool(stopped)
                    if i % t.log_every == 0 or last:
                        self._log(logger, report, lambda_ds, watch)
                    if i % t.save_every == 0 or last:
                        self.save()
                    if i % t.sample_every == 0 or (last and not stopped):
                        self.draw_sheets(logger)
                    if last:
                        break
            except Diverged:
                raise
            except UserError:  # an image that went bad, say: what was trained until here is kept
                if self.iteration:
                    self.save()
                raise
        if stopped:
            name, folder = signal.Signals(stopped[0]).name, shlex.quote(str(self.folder))
            print(f"stopped by {name} after iteration {self.iteration}; go on with --resume {folder}")
            return 128 + stopped[0]
        return 0

    def _save_config(self) -> None:
        """Writes config.yaml; one that a resumed run changes is kept beside it, and the changes are printed."""
        path = self.folder / "config.yaml"
        before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        now = to_yaml(self.config).splitlines()
        if before and before != now:
            path.rename(self.folder / f"config_until_{self.iteration:07d}.yaml")
            for sign, lines in (("was", before), ("now", now)):
                others = now if lines is before else before
                changed = [line.strip() for line in lines if line not in others]
                print(f"configuration {sign}: {', '.join(changed)}")
        path.write_text(to_yaml(self.config), encoding="utf-8")

    def _log(self, logger: Logger, report: dict, lambda_ds: float, watch: Stopwatch) -> None:
        t = self.config.train
        values = {name: float(value) for name, value in report.items()}
        rates = watch.rates(t.batch_size)
        print(progress_line(self.iteration, t.iterations, values, lambda_ds, rates), flush=True)
        for name, value in values.items():
            if not math.isfinite(value):
                earlier = _checkpoints(self.folder)
                advice = f"go on with --resume {earlier[-1]}" if earlier else "start again"
                raise Diverged(
                    f"{name} is {value} at iteration {self.iteration}: training diverged; {advice} and a lower train.lr"
                )
        rows = {"lambda_ds": lambda_ds, "lr/generator": t.lr, "lr/mapping_network": t.f_lr}
        speed = {"speed/images_per_second": rates[1], "speed/waiting_for_data": rates[2]}
        logger.scalars({**values, **rows, **speed}, self.iteration)

    def _load_sheet_images(self) -> tuple:
        """(x_src, y_src, x_ref, y_ref) of the sample sheets, from the two ends of val, the domains by turns."""
        tensors = []
        for count, from_end in ((SHEET_SOURCES, False), (max(SHEET_SOURCES, len(self.domains)), True)):
            chosen = [self._val_image(i, from_end) for i in range(count)]
            tensors.append(paddle.to_tensor(load_batch([path for path, _ in chosen], self.config.model.img_size)))
            tensors.append(paddle.to_tensor([y for _, y in chosen]))
        return tuple(tensors)

    def draw_sheets(self, logger: Logger) -> None:
        """Draws the sample sheets of the moving averages into ``samples/`` and says so."""
        x_src, y_src, x_ref, y_ref = self.sheet_images
        rng = np.random.default_rng(self.config.train.seed)  # the same latents on every sheet of a run
        z = paddle.to_tensor(rng.standard_normal((SHEET_LATENTS, self.config.model.latent_dim), "float32"))
        many = paddle.to_tensor(rng.standard_normal((MEAN_LATENTS, self.config.model.latent_dim), "float32"))
        means = [self.average.mean_style(domain, many) for domain in range(len(self.domains))]
        n = x_src.shape[0]
        shifted = [(i + 1) % n for i in range(n)]  # so that source and reference differ in domain
        sheets = {
            "reference": pictures.reference_sheet(self.average, x_src, x_ref, y_ref),
            "cycle": pictures.cycle_sheet(
                self.average, x_src, y_src, paddle.stack([x_ref[i] for i in shifted]), y_ref[shifted]
            ),
        }
        for psi, sheet in pictures.latent_sheets(self.average, x_src, z, means).items():
            sheets[f"latent_psi{psi}"] = sheet
        for name, image in sheets.items():
            path = self.folder / "samples" / f"{self.iteration:07d}_{name}.png"
            pictures.save_image(image, path)
            logger.picture(f"samples/{name}", image, self.iteration)
            print(f"wrote {path}", flush=True)

    def _val_image(self, i: int, from_end: bool) -> tuple:
        """(path, domain) of the i-th image of val, the domains by turns; again from the first where they run out."""
        domain, j = i % len(self.domains), i // len(self.domains)
        images = self.val_images[self.domains[domain]]
        return images[-(j % len(images)) - 1 if from_end else j % len(images)], domain
