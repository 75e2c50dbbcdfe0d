"""PostgreSQL as Django has it, with plans that are kept and fewer questions to the server."""
