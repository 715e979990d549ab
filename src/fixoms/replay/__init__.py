"""Scripted FIX conversations: the `.fix` language, its player, and the recorder that writes it."""
