"""Health economics: discounting, costs, cost-effectiveness."""
