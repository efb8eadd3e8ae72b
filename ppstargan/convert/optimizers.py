"""The state of PyTorch's Adam as Paddle's."""

from __future__ import annotations

import numpy as np

from ppstargan.convert.names import in_paddle, torch_shape
from ppstargan.convert.recognise import some
from ppstargan.errors import UserError

MOMENTS = {"exp_avg": "moment1", "exp_avg_sq": "moment2"}


def adam_moments(optim: dict, order: list, names: list, parameters: dict, where: str) -> dict:
    """``Adam.state_dict()`` of PyTorch as {our parameter: {"moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc"}}.

    PyTorch numbers the state by the place in ``parameters()``. ``order`` are the parameters' PyTorch names in that
    order, among others that are ignored; ``names`` are the rows of the table of names, ``parameters`` our arrays, for
    their shapes. A parameter that never had a gradient has no state. Raises UserError where the two do not agree.
    """
    known = {name.torch: name for name in names}
    ordered = [known[key] for key in order if key in known]
    try:
        (group,) = optim["param_groups"]
        ids, (beta1, beta2) = list(group["params"]), map(float, group["betas"])
        state = dict(optim["state"])
        strange = [i for i in state if i not in ids] + [i for i in ids if type(i) is not int]
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where} is no Adam of one parameter group; save it as the authors' code does") from None
    if len(ids) != len(ordered) or len(set(ids)) != len(ids) or strange:
        raise UserError(
            f"{where} has {len(ids)} parameters and states for {len(state)}, and the network beside it has "
            f"{len(ordered)}; give the two files of one iteration"
        )
    moments, steps = {ours: {} for ours in MOMENTS.values()}, {}
    for i, name in zip(ids, ordered):
        if i in state:
            shape = torch_shape(name, parameters[name.paddle].shape)
            entries, step = _entries(state[i], shape, f"{where}: {name.torch}")
            for ours, value in entries.items():
                moments[ours][name.torch] = value
            if steps.setdefault(name.paddle, step) != step:
                raise UserError(
                    f"{where}: {name.torch} has made {step:g} steps, and another domain's {steps[name.paddle]:g}"
                )
    rows = [name for name in names if name.paddle in steps]
    lacking = [name.torch for name in rows if name.torch not in moments["moment1"]]
    if lacking:
        raise UserError(f"{where} has states for some domains, and lacks {some(lacking)}")
    found = {key: {} for key in steps}
    for ours, values in moments.items():
        for key, value in in_paddle(rows, values).items():
            found[key][ours] = value.astype("float32", copy=False)
    for key, step in steps.items():
        # Paddle multiplies after a step, and starts from beta: t steps leave beta ** (t + 1).
        for entry, beta in (("beta1_pow_acc", beta1), ("beta2_pow_acc", beta2)):
            found[key][entry] = np.array([beta ** (step + 1)], np.float32)
    return found


def _entries(entries, shape: tuple, where: str):
    """The two moments in PyTorch's layout, and the number of steps, which newer PyTorch keeps as a tensor."""
    if not isinstance(entries, dict) or set(entries) != {"step", *MOMENTS}:
        held = some(entries) if isinstance(entries, dict) else type(entries).__name__
        raise UserError(f"{where} has the state {held}, not that of a plain Adam: step, exp_avg, exp_avg_sq")
    step = entries["step"]
    if np.shape(step) != () or not isinstance(step, (int, float, np.ndarray)) or not float(step) >= 0:
        raise UserError(f"{where} has no number of steps; save it as the authors' code does")
    for theirs in MOMENTS:
        value = entries[theirs]
        if not isinstance(value, np.ndarray) or value.shape != shape:
            raise UserError(f"{where} has {theirs} of shape {list(np.shape(value))}, and the network {list(shape)}")
    return {ours: entries[theirs] for theirs, ours in MOMENTS.items()}, float(step)
