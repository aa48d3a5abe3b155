"""The demo: a synthetic city, its departments' services, and a day told over real HTTP."""
