"""PyTorch checkpoints read and written without PyTorch, and their names turned into ours and back."""
