"""What the first person with a card runs: everything that a CPU could not show, in one report."""
