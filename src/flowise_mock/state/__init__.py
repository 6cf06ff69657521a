"""The state: records, outcomes, clock, counters. Standard library only."""
