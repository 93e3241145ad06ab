"""One small file for each library: ``fit(rows, budget, seed, **options) -> Fitted``, the clock running."""
