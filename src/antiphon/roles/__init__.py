"""Floor 4: composition roots. Which services and doors live in this process."""
