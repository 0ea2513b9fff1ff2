"""Results of evaluators, counted under the labels of what they are about."""
