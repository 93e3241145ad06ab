"""One small file for each library, all building the same model."""
