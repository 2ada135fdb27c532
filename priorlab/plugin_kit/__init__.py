"""Write a new plugin: a package that installs and passes its tests as it is."""
