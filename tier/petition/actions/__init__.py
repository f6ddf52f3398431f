"""What is done with petitions."""
