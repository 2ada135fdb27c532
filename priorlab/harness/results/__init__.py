"""What a run leaves: the store of all cells, the folder of a run, and the schema of a row."""
