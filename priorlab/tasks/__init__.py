"""Tasks: named, parametrised ways to degrade a picture, with the protocol that judges results."""
