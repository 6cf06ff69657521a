"""The proxy: passes bytes between an application and a real Flowise, and watches the exchanges beside it."""
