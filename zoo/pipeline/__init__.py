"""Recipe, job, plan and steps, with the cache; the search for a file within limits."""
