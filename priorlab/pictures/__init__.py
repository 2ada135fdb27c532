"""Pictures: files to arrays and back, datasets of them, and an estimate of their noise."""
