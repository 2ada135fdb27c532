"""Plugins: the hooks, how they are found, and what is wrong with those that fail to load."""

import pluggy

hookimpl = pluggy.HookimplMarker("priorlab")
