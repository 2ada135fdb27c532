"""Whether a plugin can be loaded without harm: it is tried in a process of its own first."""
