"""What several priors use: colours, mirrored borders, compiled loops, common base classes."""
