"""The online judge: a model judges a sample of the answers that pass by, within a budget, and the exporter is told."""
