"""The WSGI entry point that gunicorn serves."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalsite.settings")
# Before numpy is loaded: reports fit small matrices, and a web process has threads of its own.
# More of them in the linear algebra would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
application = get_wsgi_application()
