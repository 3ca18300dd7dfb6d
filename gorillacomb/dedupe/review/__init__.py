"""What a person answered about the steps of a plan, and the plan that follows from it."""
