"""``python -m frontdesk`` is the ``frontdesk`` command."""

from frontdesk.agents.cli import main

if __name__ == "__main__":
    main()
