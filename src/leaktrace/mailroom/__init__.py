"""Raw bytes to what they are; reports to campaigns; campaign to seller."""
