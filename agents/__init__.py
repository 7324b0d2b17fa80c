"""The shell: Faust, Kafka, the LLM, metrics, commands. It carries out the effects that the core returns."""
