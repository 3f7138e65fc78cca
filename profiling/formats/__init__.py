"""A profile in the formats of viewers. The ending of a file's name chooses the format."""
