"""What Alembic runs: on the connection and inside the transaction that `store.migrate` opened."""

from alembic import context

from store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also on SQLite, where `take_over_transactions` makes it so
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
