"""What a page holds, read as a browser would not need to."""

import base64
import json
import re

import numpy as np


def data_of(run):
    """The data of a page, read as a browser would not need to."""
    text = run.page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def unpack(packed):
    kind = np.uint8 if packed["type"] == "u1" else "<f4"
    return np.frombuffer(base64.b64decode(packed["data"]), kind).reshape(packed["shape"])
