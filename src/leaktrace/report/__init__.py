"""Pictures and pages from a finding."""
