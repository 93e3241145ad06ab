"""Laws with exact samples, log densities and entropies, one family a file."""
