"""What people ask and do: history, dead letters, the life of one alert, checks."""
