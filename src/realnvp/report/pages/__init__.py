"""Reports of the three kinds of run, each one text of HTML."""

from realnvp.report.pages.energies import energy_page
from realnvp.report.pages.images import picture_page
from realnvp.report.pages.tables import table_page

__all__ = ["energy_page", "picture_page", "table_page"]
