"""The pages of a results store: served to browsers, or written as a site."""
