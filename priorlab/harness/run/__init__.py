"""From a command to rows: the grid, its keys, the plan, and the processes that compute cells."""
