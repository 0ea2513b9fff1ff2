"""Results of evaluators and votes of users, in every form that they come in."""
