"""Results of evaluators and votes of users, read from whatever carries them."""
