"""How well real tables are learnt in a given time, beside the peers: ``python -m bench.tables``."""
