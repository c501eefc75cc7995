"""The verbs of the workflow domain, one class each: `cases`, `work_items` and `design`."""
