"""What rectification does: open, report, judge, remind."""
