"""From folders of images to batches: NumPy, Pillow and OpenCV only, so that nothing here needs Paddle."""
