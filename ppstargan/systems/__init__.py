"""What each paper trains, a file a system."""
