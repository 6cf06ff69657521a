"""`python -m flowise_mock`."""

from flowise_mock.cli import main

raise SystemExit(main())
