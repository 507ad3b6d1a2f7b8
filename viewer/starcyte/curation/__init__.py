"""What the user makes: labels, gene sets, views and results, kept so that nothing acknowledged is lost."""
