"""The harness: every prior on every task, image and seed, isolated, cached and repeatable."""
