"""What the server answers, one file each."""
