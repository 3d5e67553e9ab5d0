"""Pages in a real headless Chromium: what they look like, what they do, and that everybody can use them."""
