"""What all else stands on: files, processes, torch's state, texts. It knows nothing of images."""
