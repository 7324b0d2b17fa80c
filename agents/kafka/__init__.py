"""What commands and tests need of Kafka beside the runtime: probing, topics, reading to the end, dead letters."""
