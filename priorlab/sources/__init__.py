"""The source code that a result depends on: which files it is, and their digest."""
