"""The large language model behind a port: `port.Labeller` is what the runtime knows, `client` builds what implements it."""
