"""How fast coupling flows are, beside the peers and the machine's own floor: ``python -m bench.speed``."""
