"""The networks, one file each. Nothing in here knows of training, files or configuration."""
