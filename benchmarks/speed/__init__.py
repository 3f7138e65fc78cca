"""How fast hpass is, as ratios to what nobody can do without: loading, importing, saving."""
