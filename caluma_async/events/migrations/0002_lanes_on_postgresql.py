"""What only PostgreSQL needs: entering a lane, and tables that are vacuumed as often as queues need it."""

from django.db import migrations

# Waits for whoever records in the lane, and then says whether it is free. A function, because each statement of a
# volatile one sees what was committed until then: the statement that calls it sees only what was there at its beginning.
ENTER_LANE = """
CREATE FUNCTION events_enter_lane(wanted text, lock_class integer, lock_key integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock_class, lock_key);
    RETURN NOT EXISTS (
        SELECT 1 FROM events_delivery WHERE lane = wanted AND state IN ('waiting', 'running', 'held')
    );
END
$$
"""
LEAVE = "DROP FUNCTION IF EXISTS events_enter_lane(text, integer, integer)"

# rows change state and leave the partial indexes all the time: dead entries there cost every claim
VACUUM = """
ALTER TABLE events_delivery SET (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
)
"""
USUAL = """
ALTER TABLE events_delivery RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor
)
"""


def on_postgresql(*statements):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            for statement in statements:
                schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunPython(on_postgresql(ENTER_LANE, VACUUM), on_postgresql(USUAL, LEAVE))]
