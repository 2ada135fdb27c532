"""From rows to what people read: statistics, tables and contact sheets."""
