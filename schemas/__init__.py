"""The wire: Avro records, their codec, and the table of topics. No logic lives here."""
