"""The audit: who came, who was refused, who did and read what, as a chain nobody can bend."""
