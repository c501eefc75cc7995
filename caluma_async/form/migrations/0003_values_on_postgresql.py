"""What only PostgreSQL offers: finding answers by what their values contain (`value @> '"slug"'`)."""

from django.db import migrations

# the smaller of the two kinds of index: it serves containment, which is all that is asked of whole values
BY_VALUE = "CREATE INDEX answer_by_value ON form_answer USING gin (value jsonb_path_ops)"
NO_INDEX = "DROP INDEX IF EXISTS answer_by_value"


def on_postgresql(statement):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("form", "0002_answers")]

    operations = [migrations.RunPython(on_postgresql(BY_VALUE), on_postgresql(NO_INDEX))]
