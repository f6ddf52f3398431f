"""Who may do what, where: one table, and the record of every decision."""
