"""What commands and tests need of Kafka beside the runtime: probing, topics, the partitioner, reading to the end."""
