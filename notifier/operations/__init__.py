"""What operators look up and change: history, dead letters, the steps of one alert, checks."""
