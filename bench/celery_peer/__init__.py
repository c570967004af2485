"""What a reader would otherwise build: FastAPI, Celery and a Redis that fsyncs every write."""
