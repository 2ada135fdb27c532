"""Pictures: files to arrays and back, datasets of them, and the noise level they came with."""
