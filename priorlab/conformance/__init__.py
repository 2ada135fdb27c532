"""The conformance suite: what every prior, task, metric, data set and engine must do."""
