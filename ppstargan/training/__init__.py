"""The training run of any system: the loop, its folder, logs, checkpoints and processes."""
