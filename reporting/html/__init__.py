"""The HTML report: one file that shows a model by its modules and loads nothing from elsewhere."""
