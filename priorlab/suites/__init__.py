"""Suites: published tables to be made again, each a TOML file here that says how.

`reading` has their format; `shipped` finds those that come with priorlab by name. These name each
prior with its plugin, such as handcrafted/tv: anybody's plugin may have one of the same name.
"""
