"""What the user makes: annotations, gene sets, views and results, kept so that nothing acknowledged is lost."""
