"""When jobs were started and how they ended, and which of them are overdue."""
