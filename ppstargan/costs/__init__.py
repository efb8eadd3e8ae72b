"""What training costs: time, memory and arithmetic."""
