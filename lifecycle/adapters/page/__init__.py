"""The dashboard's pages as HTML, from values of the core: templates, what they need, and nothing that decides.

Whatever a value holds (an id may hold anything) appears as text: every template escapes by itself, `written` isolates
its direction and makes what cannot be seen visible. No address of another host is in any page.
"""

from lifecycle.adapters.page.rendering import note, overview, person
from lifecycle.adapters.page.static import asset, assets

__all__ = ["asset", "assets", "note", "overview", "person"]
