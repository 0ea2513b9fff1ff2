"""How fast the exporter is and how much memory it takes, as ratios within one run: `python -m bench`."""
