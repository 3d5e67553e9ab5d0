"""What makes documents: the site's settings, links between pages, and the reference that is written from code."""
