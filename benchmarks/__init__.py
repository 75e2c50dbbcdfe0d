"""How fast Levante is: `make bench`. See docs/performance.md."""
