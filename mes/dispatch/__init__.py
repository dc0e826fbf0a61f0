"""What next, on which equipment, and why not."""
