"""The large language model behind a port: `port.Labeller` is what the runtime knows, `openai_labeller` the first adapter."""
