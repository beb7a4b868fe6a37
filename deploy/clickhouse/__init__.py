"""The database's tables and views, and the migrations that bring a database to them."""
