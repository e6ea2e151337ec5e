"""The planner: when to run the miners and what the battery does, with a reason per step. Pure; scipy loads late."""
