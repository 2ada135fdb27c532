"""Suites: published tables to be made again, each a TOML file here that says how.

`reading` has their format; `shipped` finds those that come with priorlab by name.
"""
