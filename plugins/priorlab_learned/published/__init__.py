"""Published networks: files of weights that others trained, and what is known of each."""
