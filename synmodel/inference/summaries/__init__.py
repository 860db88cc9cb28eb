"""The joint fit of published group summaries and head twitches, its posterior, predictions and verdicts."""
