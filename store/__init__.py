"""SQLAlchemy: tables, migrations, queries; the Redis cache."""
