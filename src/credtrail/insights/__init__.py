"""What interactions say: how many of the issued credentials are opened, shared, seen by others, verified."""
