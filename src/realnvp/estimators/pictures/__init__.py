"""What the estimator of pictures is made of."""
