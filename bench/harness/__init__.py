"""What every benchmark needs: environments, topics, processes, what is visible and when, and the report."""
