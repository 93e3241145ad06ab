"""Potentials by name: those of the library, and the user's own."""

import importlib
import os
import sys
from collections.abc import Callable

from realnvp.errors import InputError, nearest
from realnvp.potentials import POTENTIALS

__all__ = ["named_potential"]


def named_potential(name: str) -> Callable:
    """Return a potential by its name, or the user's own as ``package.module:function``."""
    if ":" not in name:
        if name not in POTENTIALS:
            hint = nearest(name, POTENTIALS)
            raise InputError(f"no potential is called {name!r}{hint}, or name your own as package.module:function")
        return POTENTIALS[name]()
    module, _, attribute = name.partition(":")
    if module.endswith(".py") or os.sep in module:
        path = os.path.relpath(module.removesuffix(".py"))
        if path.startswith(os.pardir):
            raise InputError(f"{module!r} is a file elsewhere: run this in its folder, and name it as module:function")
        raise InputError(f"{module!r} is a file: name it as a module, {path.replace(os.sep, '.')}:{attribute}")
    sys.path.insert(0, os.getcwd())
    try:
        found: object = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError) as error:
        raise InputError(f"{module!r} cannot be imported from here ({error}): name it as package.module") from error
    except AttributeError:
        raise InputError(f"{module} has no {attribute!r}: name a function or a potential in it") from None
    finally:
        sys.path.pop(0)
    if isinstance(found, type):
        found = found()
    if not callable(found):
        raise InputError(f"{name} is no function: it takes a tensor (n, D) and returns (n,)")
    return found
