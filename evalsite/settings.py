"""The site's settings. Every environment variable is read here, through `evalsite.lib.env`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import dj_database_url

from evalsite.lib.env import env_bool, env_int, env_list, env_secret, env_storage, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
#: The database, the secret key, converted models: all that a backup must hold.
DATA_DIR = Path(env_str("EVALSITE_DATA", str(BASE_DIR / "var"))).resolve()

try:
    EVALSITE_VERSION = version("evalsite")
except PackageNotFoundError:
    EVALSITE_VERSION = "unknown"

DEBUG = env_bool("EVALSITE_DEBUG", default=False)
SECRET_KEY = env_secret("EVALSITE_SECRET_KEY", DATA_DIR / "secret_key")
ALLOWED_HOSTS = env_list("EVALSITE_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
#: What links that are printed in a terminal begin with.
EVALSITE_URL = env_str("EVALSITE_URL", "http://127.0.0.1:8000").rstrip("/")
#: Folders that local models may be loaded from; nothing outside them is opened.
EVALSITE_MODEL_ROOTS = [
    Path(p).resolve() for p in env_list("EVALSITE_MODEL_ROOTS", [str(DATA_DIR / "models")])
]
#: Where the end page of a study may lead raters, by https.
EVALSITE_RETURN_HOSTS = env_list(
    "EVALSITE_RETURN_HOSTS", ["app.prolific.com", "www.mturk.com", "workersandbox.mturk.com"]
)
#: On: workers may fetch models of the Hugging Face hub, by commit.
EVALSITE_ALLOW_HUB = env_bool("EVALSITE_ALLOW_HUB", default=False)
#: Servers that workers may send prompts to; no other address is ever opened.
EVALSITE_OPENAI_URLS = [url.rstrip("/") for url in env_list("EVALSITE_OPENAI_URLS", [])]
#: Requests that one worker keeps in flight, and seconds that one may take.
EVALSITE_OPENAI_CONCURRENCY = env_int("EVALSITE_OPENAI_CONCURRENCY", 16)
EVALSITE_OPENAI_SECONDS = env_int("EVALSITE_OPENAI_SECONDS", 600)
#: Seconds that a local model may take for one row.
EVALSITE_ROW_SECONDS = env_int("EVALSITE_ROW_SECONDS", 3600)
EVALSITE_MAX_UPLOAD_MB = env_int("EVALSITE_MAX_UPLOAD_MB", 50)
#: The most that one sound, image or video may have.
EVALSITE_MAX_MEDIA_MB = env_int("EVALSITE_MAX_MEDIA_MB", 100)
EVALSITE_MAX_MEDIA_SECONDS = env_int("EVALSITE_MAX_MEDIA_SECONDS", 600)

INSTALLED_APPS = [
    "evalsite",
    "evalsite.accounts",
    "generation",
    "annotation",
    "ranking",
    "django_htmx",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "evalsite.accounts.middleware.send_htmx_to_sign_in",
]

ROOT_URLCONF = "evalsite.urls"
WSGI_APPLICATION = "evalsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "evalsite.context.navigation",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "evalsite.templatetags.evalsite_text",
            ],
        },
    },
]


def _database() -> dict[str, Any]:
    """SQLite in the data folder, tuned for many writers; else what DATABASE_URL names."""
    url = env_str("DATABASE_URL", f"sqlite:///{DATA_DIR / 'evalsite.sqlite3'}")
    database: dict[str, Any] = dict(dj_database_url.parse(url))
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: an acknowledged judgment survives a power cut, not only a killed process.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            " PRAGMA cache_size=-20000; PRAGMA mmap_size=134217728;"
            " PRAGMA journal_size_limit=27103364;",
        }
    else:
        # What is asked often is planned once: planning cost most of what PostgreSQL did for an
        # answer. The URL's own options come first: a pooler may need `?server_side_binding=false`.
        often = {"server_side_binding": True, "prepare_threshold": 5}
        database["OPTIONS"] = often | database.get("OPTIONS", {})
    database["CONN_MAX_AGE"] = None
    database["CONN_HEALTH_CHECKS"] = not database["ENGINE"].endswith("sqlite3")
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:sign-in"

LANGUAGE_CODE = "en"
#: Languages of raters' pages: each but the first has a catalog in annotation/locale.
LANGUAGES = [
    ("en", "English"),
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
]
TIME_ZONE = env_str("EVALSITE_TIME_ZONE", "UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "evalsite" / "static"]
#: Sounds, images and videos: here, or in the bucket of EVALSITE_MEDIA_URL (s3://bucket/prefix),
#: or in a storage by its class and options. Workers and web processes must see the same one.
MEDIA_ROOT = DATA_DIR / "media"
STORAGES = {
    "default": env_storage("EVALSITE_MEDIA"),
    "staticfiles": {"BACKEND": "evalsite.lib.static.StaticFiles"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
        "img-src": ["'self'", "data:"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "evalsite.errors.csrf_failure"
#: On behind a TLS proxy that sets X-Forwarded-Proto.
HTTPS = env_bool("EVALSITE_HTTPS", default=False)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "evalsite.lib.rest_defaults.AlwaysJson",
    "URL_FORMAT_OVERRIDE": None,
    # The description of the API is its schema.
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "evalsite.lib.rest_defaults.Pagination",
    "EXCEPTION_HANDLER": "evalsite.api.handle_exception",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": env_str("EVALSITE_API_RATE", "1000/min")},
    "UNAUTHENTICATED_USER": None,
}
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "evalsite",
    "DESCRIPTION": "Systems, prompt sets, outputs, studies, judgments and leaderboards.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env_str("EVALSITE_LOG_LEVEL", "WARNING")},
}
